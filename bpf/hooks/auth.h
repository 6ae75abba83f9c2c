/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * PAM and sshd, by uprobes. What they say is read from user memory, so they are witnesses only:
 * `verified` tells whether the speaker is a root-owned program that runs as root.
 */
#ifndef HOPTRAIL_BPF_HOOKS_AUTH_H_
#define HOPTRAIL_BPF_HOOKS_AUTH_H_

#include "bpf/lib/task.h"

/* Anybody can load libpam or be called sshd, and say as much as they please. */
static __always_inline void *ht_reserve_words(bool trusted, __u32 type, __u32 size)
{
	return ht_reserve_in(trusted ? HT_PRIORITY_CRITICAL : HT_PRIORITY_HIGH, bpf_get_current_cgroup_id(),
			     type, size);
}

/* security/_pam_types.h */
#define PAM_SERVICE 1
#define PAM_USER 2
#define PAM_TTY 3
#define PAM_RHOST 4

/* What a process has told libpam so far. The texts are laid out as in struct ht_pam. */
struct ht_pam_texts {
	struct ht_text service;
	struct ht_text user;
	struct ht_text remote_host;
	struct ht_text terminal;
	char service_bytes[HT_PAM_SERVICE_BYTES];
	char user_bytes[HT_PAM_USER_BYTES];
	char remote_host_bytes[HT_PAM_HOST_BYTES];
	char terminal_bytes[HT_PAM_TERMINAL_BYTES];
};
_Static_assert(sizeof(struct ht_pam_texts) ==
		       sizeof(struct ht_pam) - __builtin_offsetof(struct ht_pam, service),
	       "the texts of struct ht_pam");

struct ht_pam_dialogue {
	__u64 start_ns; /* of the process */
	struct ht_pam_texts texts;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32); /* tgid */
	__type(value, struct ht_pam_dialogue);
} pam_dialogues SEC(".maps");

/* Too large for the stack. */
static const struct ht_pam_dialogue ht_no_dialogue = {};

static __always_inline struct ht_pam_dialogue *ht_find_dialogue(struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct ht_pam_dialogue *dialogue = bpf_map_lookup_elem(&pam_dialogues, &tgid);

	return dialogue && dialogue->start_ns == ht_start_ns(task, HT_UNTYPED) ? dialogue : NULL;
}

static __always_inline struct ht_pam_dialogue *ht_begin_dialogue(struct task_struct *task,
								 const struct ht_pam_dialogue *like)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct ht_pam_dialogue *dialogue;

	bpf_map_update_elem(&pam_dialogues, &tgid, like, BPF_ANY);
	dialogue = bpf_map_lookup_elem(&pam_dialogues, &tgid);
	if (dialogue)
		dialogue->start_ns = ht_start_ns(task, HT_UNTYPED);
	return dialogue;
}

/* The process's own, or what it inherited: sshd begins a dialogue and lets a child carry it on. */
static __always_inline struct ht_pam_dialogue *ht_continue_dialogue(struct task_struct *task)
{
	struct ht_pam_dialogue *dialogue = ht_find_dialogue(task);

	if (dialogue)
		return dialogue;
	dialogue = ht_find_dialogue(BPF_CORE_READ(task, real_parent));
	return ht_begin_dialogue(task, dialogue ? dialogue : &ht_no_dialogue);
}

#define ht_read_user_text(text, bytes, user)                                                       \
	do {                                                                                       \
		long ht_length = 0;                                                                \
		if (user)                                                                          \
			ht_length = bpf_probe_read_user_str(bytes, sizeof(bytes), user);           \
		(text)->length = ht_length > 0 ? ht_length - 1 : 0;                                \
		(text)->cut = ht_length == sizeof(bytes);                                          \
		if (ht_length <= 0)                                                                \
			(bytes)[0] = 0;                                                            \
	} while (0)

static __always_inline int ht_on_pam_start(const char *service, const char *user)
{
	struct task_struct *task = ht_current();
	struct ht_pam_dialogue *dialogue;

	if (!ht_task_in_scope(task, HT_UNTYPED))
		return 0;
	dialogue = ht_begin_dialogue(task, &ht_no_dialogue);
	if (!dialogue)
		return 0;
	ht_read_user_text(&dialogue->texts.service, dialogue->texts.service_bytes, service);
	ht_read_user_text(&dialogue->texts.user, dialogue->texts.user_bytes, user);
	return 0;
}

static __always_inline int ht_on_pam_set_item(int item, const char *value)
{
	struct task_struct *task = ht_current();
	struct ht_pam_dialogue *dialogue;

	if (item < PAM_SERVICE || item > PAM_RHOST || !ht_task_in_scope(task, HT_UNTYPED))
		return 0;
	dialogue = ht_continue_dialogue(task);
	if (!dialogue)
		return 0;
	struct ht_pam_texts *texts = &dialogue->texts;

	if (item == PAM_SERVICE)
		ht_read_user_text(&texts->service, texts->service_bytes, value);
	else if (item == PAM_USER)
		ht_read_user_text(&texts->user, texts->user_bytes, value);
	else if (item == PAM_TTY)
		ht_read_user_text(&texts->terminal, texts->terminal_bytes, value);
	else
		ht_read_user_text(&texts->remote_host, texts->remote_host_bytes, value);
	return 0;
}

static __always_inline int ht_on_pam_result(__u8 step, int result)
{
	struct task_struct *task = ht_current();
	struct ht_pam_dialogue *dialogue;
	struct ht_pam *record;
	bool trusted;

	if (!ht_task_in_scope(task, HT_UNTYPED))
		return 0;
	dialogue = ht_continue_dialogue(task);
	if (!dialogue)
		return 0;
	trusted = ht_is_trusted_speaker(task);
	record = ht_reserve_words(trusted, HT_TYPE_PAM, sizeof(*record));
	if (!record)
		return 0;
	ht_identify(&record->header.who, task);
	record->result = result;
	record->step = step;
	record->verified = trusted;
	record->reserved = 0;
	__builtin_memcpy(&record->service, &dialogue->texts, sizeof(dialogue->texts));
	ht_submit(HT_RING_HIGH, record);
	return 0;
}

/* sshd, and what OpenSSH 9.8 split it into: sshd-session, sshd-auth. */
static __always_inline bool ht_is_sshd(void)
{
	char comm[HT_COMM_BYTES];

	if (bpf_get_current_comm(comm, sizeof(comm)))
		return false;
	return comm[0] == 's' && comm[1] == 's' && comm[2] == 'h' && comm[3] == 'd' &&
	       (comm[4] == 0 || comm[4] == '-');
}

/* Whoever came in through a listener may be a login server under another name. */
static __always_inline bool ht_came_in(struct task_struct *task)
{
	struct ht_process_entry *entry =
		ht_find_process(BPF_CORE_READ(task, tgid), ht_start_ns(task, HT_UNTYPED));

	return entry && entry->tag_tgid != 0;
}

/* sshd says syslog(priority, "%.500s", message). */
static __always_inline int ht_on_syslog(const char *format, const char *message)
{
	static const char expected[] = "%.500s";
	struct task_struct *task = ht_current();
	struct ht_sshd *record;
	char said[8] = {};
	bool trusted;

	if ((!ht_is_sshd() && !ht_came_in(task)) || !ht_task_in_scope(task, HT_UNTYPED))
		return 0;
	bpf_probe_read_user_str(said, sizeof(said), format);
#pragma clang loop unroll(full)
	for (int i = 0; i < (int)sizeof(expected); i++) {
		if (said[i] != expected[i])
			return 0;
	}
	trusted = ht_is_trusted_speaker(task);
	record = ht_reserve_words(trusted, HT_TYPE_SSHD, sizeof(*record));
	if (!record)
		return 0;
	ht_identify(&record->header.who, task);
	record->verified = trusted;
	record->reserved[0] = record->reserved[1] = record->reserved[2] = 0;
	ht_read_user_text(&record->text, record->bytes, message);
	ht_submit(HT_RING_HIGH, record);
	return 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_AUTH_H_ */
