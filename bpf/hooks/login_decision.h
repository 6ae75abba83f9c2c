/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Login servers that do not log, or not to syslog, still format what they decide. sshd formats the
 * client's key before each decision, and the method after each success, at any LogLevel
 * (auth_log, auth2_update_session_info). The probes are on the entries of the program's own linkage
 * table, so no other program pays. None is at a return: since Linux 6.11 a probe there makes a
 * system call, which the filter of sshd's sandbox answers with a signal.
 */
#ifndef HOPTRAIL_BPF_HOOKS_LOGIN_DECISION_H_
#define HOPTRAIL_BPF_HOOKS_LOGIN_DECISION_H_

#include "bpf/lib/claim.h"

/* A call of sshd's that may format a key. Its literals may be on pages that are not in memory yet.
 * sshd reads them in this call, so they are read when the method follows. */
struct ht_used_key {
	const char *format;
	const char *type;
	char fingerprint[128];
	char certificate_id[256]; /* if the format has one */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, __u64); /* pid_tgid */
	__type(value, struct ht_used_key);
} used_keys SEC(".maps");

/* Too large for the stack. */
static const struct ht_used_key ht_no_key = {};

/* The sixth argument of a function, and the seventh and later ones, at the function's entry. */
static __always_inline __u64 ht_sixth_argument(struct pt_regs *regs)
{
#ifdef __TARGET_ARCH_x86
	return regs->r9;
#else
	return ((struct user_pt_regs *)regs)->regs[5];
#endif
}

static __always_inline __u64 ht_later_argument(struct pt_regs *regs, __u32 number)
{
	__u64 value = 0;
	__u32 on_stack = number - 7;

#ifdef __TARGET_ARCH_x86
	on_stack++; /* behind the return address */
#else
	if (number <= 8)
		return ((struct user_pt_regs *)regs)->regs[number - 1];
	on_stack = number - 9;
#endif
	bpf_probe_read_user(&value, sizeof(value), (const __u64 *)PT_REGS_SP(regs) + on_stack);
	return value;
}

#define HT_VARIADIC_TEXTS 3

/* The first arguments behind a va_list of a function that has two named ones, as all of sshd's
 * callers have: they were passed in registers. */
static __always_inline bool ht_read_variadic(const char **texts, const void *list)
{
#ifdef __TARGET_ARCH_x86
	struct {
		__u32 general_offset;
		__u32 float_offset;
		__u64 overflow;
		__u64 saved;
	} state;

	if (bpf_probe_read_user(&state, sizeof(state), list) || state.general_offset > 24)
		return false;
	return !bpf_probe_read_user(texts, HT_VARIADIC_TEXTS * sizeof(*texts),
				    (void *)(state.saved + state.general_offset));
#else
	struct {
		__u64 stack;
		__u64 general_top;
		__u64 float_top;
		__s32 general_offset;
		__s32 float_offset;
	} state;

	if (bpf_probe_read_user(&state, sizeof(state), list) || state.general_offset > -24)
		return false;
	return !bpf_probe_read_user(texts, HT_VARIADIC_TEXTS * sizeof(*texts),
				    (void *)(state.general_top + (__s64)state.general_offset));
#endif
}

#define HT_FORMAT_BYTES 8
/* Whether the text is `expected`, or begins with its HT_FORMAT_BYTES characters. */
#define ht_begins(said, expected)                                                                  \
	({                                                                                         \
		static const char ht_expected[HT_FORMAT_BYTES + 1] = expected;                     \
		bool ht_same = true;                                                               \
		_Pragma("clang loop unroll(full)") for (int i = 0; i < HT_FORMAT_BYTES; i++)       \
			ht_same &= (said)[i] == ht_expected[i];                                    \
		ht_same;                                                                           \
	})

/* vasprintf */
static __always_inline int ht_on_key_format(const char *format, const void *list)
{
	__u64 thread = bpf_get_current_pid_tgid();
	const char *texts[HT_VARIADIC_TEXTS];
	struct ht_used_key *key;
	char said[HT_FORMAT_BYTES + 1] = {};

	if (!ht_read_variadic(texts, list) ||
	    bpf_probe_read_user_str(said, sizeof(said), texts[1]) < 0 ||
	    !((said[0] == 'S' && said[1] == 'H' && said[2] == 'A') ||
	      (said[0] == 'M' && said[1] == 'D' && said[2] == '5')))
		return 0; /* no fingerprint */
	if (bpf_map_update_elem(&used_keys, &thread, &ht_no_key, BPF_ANY))
		return 0;
	key = bpf_map_lookup_elem(&used_keys, &thread);
	if (!key)
		return 0;
	key->format = format;
	key->type = texts[0];
	bpf_probe_read_user_str(key->fingerprint, sizeof(key->fingerprint), texts[1]);
	bpf_probe_read_user_str(key->certificate_id, sizeof(key->certificate_id), texts[2]);
	return 0;
}

static __always_inline struct ht_sshd *ht_reserve_login(struct task_struct *task, __u8 kind)
{
	struct ht_sshd *record;

	/* sshd's part that faces the network calls the same functions, and is not believed. */
	if (!ht_task_in_scope(task, HT_UNTYPED) || !ht_is_trusted_source(task))
		return NULL;
	record = ht_reserve_claim(true, HT_TYPE_SSHD, sizeof(*record));
	if (!record)
		return NULL;
	ht_identify(&record->header.who, task);
	record->verified = 1;
	record->kind = kind;
	record->reserved[0] = record->reserved[1] = 0;
	return record;
}

static __always_inline void ht_fill_key(struct ht_decision *decision, const struct ht_used_key *key)
{
	char said[HT_FORMAT_BYTES + 1] = {};
	bool certificate;

	bpf_probe_read_user_str(said, sizeof(said), key->format);
	certificate = ht_begins(said, "%s %s ID");
	if (!certificate && !ht_begins(said, "%s %s%s%"))
		return;
	bpf_probe_read_user_str(decision->key_type, sizeof(decision->key_type), key->type);
	__builtin_memcpy(decision->key_fingerprint, key->fingerprint, sizeof(key->fingerprint));
	if (certificate)
		__builtin_memcpy(decision->certificate_id, key->certificate_id,
				 sizeof(key->certificate_id));
}

/* vsnprintf. sshd calls it twice for each text, first without `text` to learn its length. So all
 * that it formats is in memory at the second call. */
static __always_inline int ht_on_method_format(const char *text, const char *format,
					       const void *list)
{
	struct task_struct *task = ht_current();
	__u64 thread = bpf_get_current_pid_tgid();
	const char *texts[HT_VARIADIC_TEXTS];
	char said[HT_FORMAT_BYTES + 1] = {};
	struct ht_decision *decision;
	struct ht_used_key *key;
	struct ht_sshd *record;

	if (!text || bpf_probe_read_user_str(said, sizeof(said), format) < 0 ||
	    !ht_begins(said, "%s%s%s") || !ht_read_variadic(texts, list))
		return 0;
	record = ht_reserve_login(task, HT_LOGIN_DECISION);
	if (!record)
		return 0;
	record->text.length = sizeof(record->bytes);
	record->text.cut = 0;
	__builtin_memset(record->bytes, 0, sizeof(record->bytes));
	decision = (struct ht_decision *)record->bytes;
	bpf_probe_read_user_str(decision->method, sizeof(decision->method), texts[0]);
	key = bpf_map_lookup_elem(&used_keys, &thread);
	if (key)
		ht_fill_key(decision, key);
	ht_submit(HT_RING_HIGH, record);
	bpf_map_delete_elem(&used_keys, &thread);
	return 0;
}

static __always_inline int ht_submit_line(__u8 kind, const char *text)
{
	struct ht_sshd *record = ht_reserve_login(ht_current(), kind);

	if (!record)
		return 0;
	ht_read_user_text(&record->text, record->bytes, text);
	ht_submit(HT_RING_HIGH, record);
	return 0;
}

/* snprintf(line, size, "%s%s%.*s\r\n", NAME, ": ", size - 3, message) */
static __always_inline int ht_on_line_format(__u64 size, __u32 precision, const char *message)
{
	char said[HT_FORMAT_BYTES + 1] = {};

	if (size < 256 || precision != size - 3 ||
	    bpf_probe_read_user_str(said, sizeof(said), message) < 0)
		return 0;
	said[7] = 0;
	if (ht_begins(said, "Accepte") || ht_begins(said, "Failed "))
		return ht_submit_line(HT_LOGIN_STDERR, message);
	return 0;
}

/* syslog(priority, "%s", message), or fprintf(stderr, "[%d] %s %s\n", pid, time, message) */
static __always_inline int ht_on_dropbear_line(const char *message)
{
	char said[HT_FORMAT_BYTES + 1] = {};

	if (bpf_probe_read_user_str(said, sizeof(said), message) < 0)
		return 0;
	if (ht_begins(said, "Pubkey a") || ht_begins(said, "Password") ||
	    ht_begins(said, "PAM pass") || ht_begins(said, "Bad pass") ||
	    ht_begins(said, "Bad PAM "))
		return ht_submit_line(HT_LOGIN_DROPBEAR, message);
	return 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_LOGIN_DECISION_H_ */
