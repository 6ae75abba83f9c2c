/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * PAM, by uprobes in libpam.
 */
#ifndef HOPTRAIL_BPF_HOOKS_PAM_H_
#define HOPTRAIL_BPF_HOOKS_PAM_H_

#include "bpf/lib/claim.h"

/* security/_pam_types.h */
#define PAM_SERVICE 1
#define PAM_USER 2
#define PAM_TTY 3
#define PAM_RHOST 4

/* The texts that a process has passed to libpam so far. Same layout as in struct ht_pam. */
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

/* A literal of the program, such as the service, may be on a page that is not in memory yet, and a
 * program on a hook cannot bring it there. libpam reads it, so it is read again at the next result. */
struct ht_pam_unread {
	const char *service;
	const char *user;
	const char *remote_host;
	const char *terminal;
};

struct ht_pam_transaction {
	__u64 start_ns; /* of the process */
	struct ht_pam_unread unread;
	struct ht_pam_texts texts;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32); /* tgid */
	__type(value, struct ht_pam_transaction);
} pam_transactions SEC(".maps");

/* Too large for the stack. */
static const struct ht_pam_transaction ht_no_transaction = {};

static __always_inline struct ht_pam_transaction *ht_find_transaction(struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct ht_pam_transaction *transaction = bpf_map_lookup_elem(&pam_transactions, &tgid);

	return transaction && transaction->start_ns == ht_start_ns(task, HT_UNTYPED) ? transaction
										     : NULL;
}

static __always_inline struct ht_pam_transaction *
ht_begin_transaction(struct task_struct *task, const struct ht_pam_transaction *like)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct ht_pam_transaction *transaction;

	bpf_map_update_elem(&pam_transactions, &tgid, like, BPF_ANY);
	transaction = bpf_map_lookup_elem(&pam_transactions, &tgid);
	if (transaction)
		transaction->start_ns = ht_start_ns(task, HT_UNTYPED);
	return transaction;
}

/* The process's own transaction or a copy of its parent's: a child of sshd continues sshd's. */
static __always_inline struct ht_pam_transaction *ht_continue_transaction(struct task_struct *task)
{
	struct ht_pam_transaction *transaction = ht_find_transaction(task);

	if (transaction)
		return transaction;
	transaction = ht_find_transaction(BPF_CORE_READ(task, real_parent));
	return ht_begin_transaction(task, transaction ? transaction : &ht_no_transaction);
}

/* One text of a transaction, by its name. */
#define ht_read_pam_text(transaction, name, user)                                                  \
	do {                                                                                       \
		struct ht_pam_texts *ht_texts = &(transaction)->texts;                             \
		long ht_read = ht_read_user_text(&ht_texts->name, ht_texts->name##_bytes, user);   \
		(transaction)->unread.name = ht_read < 0 ? (user) : NULL;                          \
	} while (0)

#define ht_read_again(transaction, name)                                                           \
	do {                                                                                       \
		const char *ht_unread = (transaction)->unread.name;                                \
		if (ht_unread)                                                                     \
			ht_read_pam_text(transaction, name, ht_unread);                            \
	} while (0)

static __always_inline int ht_on_pam_start(const char *service, const char *user)
{
	struct task_struct *task = ht_current();
	struct ht_pam_transaction *transaction;

	if (!ht_task_in_scope(task, HT_UNTYPED))
		return 0;
	transaction = ht_begin_transaction(task, &ht_no_transaction);
	if (!transaction)
		return 0;
	ht_read_pam_text(transaction, service, service);
	ht_read_pam_text(transaction, user, user);
	return 0;
}

static __always_inline int ht_on_pam_set_item(int item, const char *value)
{
	struct task_struct *task = ht_current();
	struct ht_pam_transaction *transaction;

	if (item < PAM_SERVICE || item > PAM_RHOST || !ht_task_in_scope(task, HT_UNTYPED))
		return 0;
	transaction = ht_continue_transaction(task);
	if (!transaction)
		return 0;
	if (item == PAM_SERVICE)
		ht_read_pam_text(transaction, service, value);
	else if (item == PAM_USER)
		ht_read_pam_text(transaction, user, value);
	else if (item == PAM_TTY)
		ht_read_pam_text(transaction, terminal, value);
	else
		ht_read_pam_text(transaction, remote_host, value);
	return 0;
}

static __always_inline int ht_on_pam_result(__u8 step, int result)
{
	struct task_struct *task = ht_current();
	struct ht_pam_transaction *transaction;
	struct ht_pam *record;
	bool trusted;

	if (!ht_task_in_scope(task, HT_UNTYPED))
		return 0;
	transaction = ht_continue_transaction(task);
	if (!transaction)
		return 0;
	ht_read_again(transaction, service);
	ht_read_again(transaction, user);
	ht_read_again(transaction, remote_host);
	ht_read_again(transaction, terminal);
	trusted = ht_is_trusted_source(task);
	record = ht_reserve_claim(trusted, HT_TYPE_PAM, sizeof(*record));
	if (!record)
		return 0;
	ht_identify(&record->header.who, task);
	record->result = result;
	record->step = step;
	record->verified = trusted;
	record->reserved = 0;
	__builtin_memcpy(&record->service, &transaction->texts, sizeof(transaction->texts));
	ht_submit(HT_RING_HIGH, record);
	return 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_PAM_H_ */
