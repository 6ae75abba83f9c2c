/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The messages of sshd, by a uprobe on syslog.
 */
#ifndef HOPTRAIL_BPF_HOOKS_SSHD_SYSLOG_H_
#define HOPTRAIL_BPF_HOOKS_SSHD_SYSLOG_H_

#include "bpf/lib/claim.h"

/* sshd, or one of the programs that OpenSSH 9.8 split it into: sshd-session, sshd-auth. */
static __always_inline bool ht_is_sshd(void)
{
	char comm[HT_COMM_BYTES];

	if (bpf_get_current_comm(comm, sizeof(comm)))
		return false;
	return comm[0] == 's' && comm[1] == 's' && comm[2] == 'h' && comm[3] == 'd' &&
	       (comm[4] == 0 || comm[4] == '-');
}

/* A process that a listener's process has started may be a login server under another name. */
static __always_inline bool ht_has_session_tag(struct task_struct *task)
{
	struct ht_process_entry *entry =
		ht_find_process(BPF_CORE_READ(task, tgid), ht_start_ns(task, HT_UNTYPED));

	return entry && entry->tag_tgid != 0;
}

/* Whether the program's own code calls the function that a uprobe is on, and not a library's. */
static __always_inline bool ht_is_called_by_program(struct task_struct *task, struct pt_regs *regs)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	__u64 caller = 0;

#ifdef __TARGET_ARCH_x86
	if (bpf_probe_read_user(&caller, sizeof(caller), (void *)PT_REGS_SP(regs)))
		return false;
#else
	caller = PT_REGS_RET(regs); /* the link register */
#endif
	return caller >= BPF_CORE_READ(mm, start_code) && caller < BPF_CORE_READ(mm, end_code);
}

/* Whether the format is sshd's. Its page may not be in memory before the first message of a process.
 * The format of a call by sshd's own code need not be read: sshd has no other. That of a library's
 * call must be, since a PAM module may log a text that the client has chosen. */
static __always_inline bool ht_is_format_of_sshd(struct task_struct *task, struct pt_regs *regs,
						 const char *format)
{
	static const char expected[] = "%.500s";
	char said[8] = {};

	if (bpf_probe_read_user_str(said, sizeof(said), format) < 0)
		return ht_is_sshd() && ht_is_called_by_program(task, regs);
#pragma clang loop unroll(full)
	for (int i = 0; i < (int)sizeof(expected); i++) {
		if (said[i] != expected[i])
			return false;
	}
	return true;
}

/* sshd calls syslog(priority, "%.500s", message). */
static __always_inline int ht_on_syslog(struct pt_regs *regs, const char *format,
					const char *message)
{
	struct task_struct *task = ht_current();
	struct ht_sshd *record;
	bool trusted;

	if ((!ht_is_sshd() && !ht_has_session_tag(task)) || !ht_task_in_scope(task, HT_UNTYPED))
		return 0;
	if (!ht_is_format_of_sshd(task, regs, format))
		return 0;
	trusted = ht_is_trusted_source(task);
	record = ht_reserve_claim(trusted, HT_TYPE_SSHD, sizeof(*record));
	if (!record)
		return 0;
	ht_identify(&record->header.who, task);
	record->verified = trusted;
	record->kind = HT_LOGIN_SYSLOG;
	record->reserved[0] = record->reserved[1] = 0;
	ht_read_user_text(&record->text, record->bytes, message);
	ht_submit(HT_RING_HIGH, record);
	return 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_SSHD_SYSLOG_H_ */
