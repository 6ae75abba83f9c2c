/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Understudies: programs that tell what the first program of their fact was skipped for
 * (docs/decisions/0010-skipped-runs.md), from hooks in which the kernel cannot be preempted. Of the
 * two the one that comes first acts: it leaves a trace in the tables that are kept anyway.
 */
#ifndef HOPTRAIL_BPF_HOOKS_UNDERSTUDY_H_
#define HOPTRAIL_BPF_HOOKS_UNDERSTUDY_H_

#include "bpf/hooks/process.h"
#include "bpf/hooks/tcp.h"
#include "bpf/lib/flow.h"

/* Whether ht_exit is attached. */
const volatile bool ht_exit_first = false;

/* A new process is about to run for the first time. */
static __always_inline int ht_understudy_fork(struct task_struct *child)
{
	if (BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid) ||
	    ht_find_known(child, HT_UNTYPED))
		return 0;
	return ht_on_fork((struct task_struct *)bpf_get_current_task(), child, HT_UNTYPED);
}

static __always_inline int ht_understudy_exec(void)
{
	return ht_on_exec((struct task_struct *)bpf_get_current_task(), NULL, HT_UNTYPED);
}

static __always_inline int ht_understudy_exit(void)
{
	if (!ht_exit_first)
		ht_tell_due_flows(bpf_ktime_get_boot_ns());
	return ht_on_exit((struct task_struct *)bpf_get_current_task(), HT_UNTYPED);
}

static __always_inline int ht_understudy_tcp(struct sock *sk, int old_state, int new_state)
{
	if (!ht_is_told_change(old_state, new_state))
		return 0;
	return ht_on_tcp_state(sk, old_state, new_state, HT_UNTYPED);
}

#endif /* HOPTRAIL_BPF_HOOKS_UNDERSTUDY_H_ */
