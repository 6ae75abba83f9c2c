/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Attempts on the sensor's processes: signals, and the right to trace them. The hook on that right
 * serves other processes too (hooks/trace.h).
 */
#ifndef HOPTRAIL_BPF_HOOKS_PROCESS_TAMPERING_H_
#define HOPTRAIL_BPF_HOOKS_PROCESS_TAMPERING_H_

#include "bpf/hooks/trace.h"
#include "bpf/lib/tampering.h"

static __noinline void ht_on_process_attempt(struct task_struct *target, __u32 kind, __u32 signal)
{
	__u32 sender = bpf_get_current_pid_tgid() >> 32;
	struct ht_attempt attempt = {};
	struct ht_tampering *record;
	struct task_struct *leader = BPF_CORE_READ(target, group_leader);
	__u32 tgid = BPF_CORE_READ(target, tgid);

	if (!ht_is_protected(tgid) || ht_is_protected(sender))
		return;
	attempt.kind = kind;
	attempt.what = signal;
	attempt.target = tgid;
	record = ht_reserve_tampering(&attempt);
	if (!record)
		return;
	record->signal = signal;
	record->target_tgid = tgid;
	record->target_start_ns = ht_start_ns(target, HT_UNTYPED);
	bpf_core_read_str(record->target_comm, sizeof(record->target_comm), &leader->comm);
	ht_submit(HT_RING_HIGH, record);
}

/* Signals of kill(2) and related calls, and of cgroup.kill. Not the kernel's own signals, except
 * for the SIGSTOP by which it stops a process that somebody attaches to. */
static __always_inline int ht_on_signal(struct task_struct *target, int signal,
					struct kernel_siginfo *info)
{
	unsigned long address = 0;
	int code = SI_USER;

	if (signal <= 0 || (signal != SIGSTOP && !ht_is_protected(BPF_CORE_READ(target, tgid))))
		return 0;
	/* Read through memory: `info` may be 0 (sent by a process) or 1 (sent by the kernel). */
	bpf_probe_read_kernel(&address, sizeof(address), &info);
	if (address == 1) {
		if (signal == SIGSTOP) {
			ht_on_process_attempt(target, HT_TAMPERING_PTRACE, 0);
			ht_on_trace(target);
		}
		return 0;
	}
	if (address)
		code = BPF_CORE_READ(info, si_code);
	if (code == SI_USER || code == SI_QUEUE || code == SI_TKILL)
		ht_on_process_attempt(target, HT_TAMPERING_SIGNAL, signal);
	return 0;
}

/* The right to trace a process, to write its memory or to take its descriptors. Reading /proc needs
 * less than PTRACE_MODE_ATTACH. */
static __always_inline int ht_on_ptrace_access(struct task_struct *target, unsigned int mode)
{
	if (!(mode & PTRACE_MODE_ATTACH))
		return 0;
	ht_on_process_attempt(target, HT_TAMPERING_PTRACE, 0);
	ht_on_trace(target);
	return 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_PROCESS_TAMPERING_H_ */
