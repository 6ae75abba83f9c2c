/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Fallback programs: they emit what the first program of their event source misses by recursion
 * (docs/decisions/0010-recursion-misses.md), from hooks in which the kernel cannot be preempted.
 * The program that runs first for an event emits it, and marks that in the tables that are kept
 * anyway.
 */
#ifndef HOPTRAIL_BPF_HOOKS_FALLBACK_H_
#define HOPTRAIL_BPF_HOOKS_FALLBACK_H_

#include "bpf/hooks/process.h"
#include "bpf/hooks/tcp.h"
#include "bpf/lib/flow.h"

/* Whether ht_exit is attached. */
const volatile bool ht_exit_first = false;

/* A new process is about to run for the first time. */
static __always_inline int ht_on_fork_fallback(struct task_struct *child)
{
	if (BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid) ||
	    ht_find_baseline(child, HT_UNTYPED))
		return 0;
	return ht_on_fork((struct task_struct *)bpf_get_current_task(), child, HT_UNTYPED);
}

static __always_inline int ht_on_exec_fallback(void)
{
	return ht_on_exec((struct task_struct *)bpf_get_current_task(), NULL, HT_UNTYPED);
}

static __always_inline int ht_on_exit_fallback(void)
{
	if (!ht_exit_first)
		ht_emit_due_flows(bpf_ktime_get_boot_ns());
	return ht_on_exit((struct task_struct *)bpf_get_current_task(), HT_UNTYPED);
}

static __always_inline int ht_on_tcp_fallback(struct sock *sk, int old_state, int new_state)
{
	if (!ht_is_change_of_interest(old_state, new_state))
		return 0;
	return ht_on_tcp_state(sk, old_state, new_state, HT_UNTYPED);
}

#endif /* HOPTRAIL_BPF_HOOKS_FALLBACK_H_ */
