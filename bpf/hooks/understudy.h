/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Understudies: programs that tell what the first program of their fact was skipped for
 * (docs/decisions/0010-skipped-runs.md), from hooks in which the kernel cannot be preempted. They
 * look in the tables that the first one keeps, and act only where it has left no trace; where it is
 * not attached, they act always.
 */
#ifndef HOPTRAIL_BPF_HOOKS_UNDERSTUDY_H_
#define HOPTRAIL_BPF_HOOKS_UNDERSTUDY_H_

#include "bpf/hooks/process.h"
#include "bpf/hooks/tcp.h"
#include "bpf/lib/flow.h"

/* Whether ht_exit and ht_tcp_state are attached. */
const volatile bool ht_exit_first = false;
const volatile bool ht_tcp_state_first = false;

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
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct ht_known *known = ht_find_known(task, HT_UNTYPED);

	if (known && known->exec_id == BPF_CORE_READ(task, self_exec_id))
		return 0;
	return ht_on_exec(task, NULL, HT_UNTYPED);
}

/* The first one claims each end (ht_ends_first), and so does this. */
static __always_inline int ht_understudy_exit(void)
{
	if (!ht_exit_first)
		ht_tell_due_flows(bpf_ktime_get_boot_ns());
	return ht_on_exit((struct task_struct *)bpf_get_current_task(), HT_UNTYPED);
}

static __always_inline int ht_understudy_tcp(struct sock *sk, int old_state, int new_state)
{
	__u64 key = (__u64)sk;
	struct ht_socket_entry *entry;

	if (!ht_is_told_change(old_state, new_state))
		return 0;
	entry = bpf_map_lookup_elem(&sockets, &key);
	if (ht_tcp_state_first &&
	    (new_state == TCP_CLOSE ? !entry : entry && entry->told == new_state))
		return 0;
	return ht_on_tcp_state(sk, old_state, new_state, HT_UNTYPED);
}

#endif /* HOPTRAIL_BPF_HOOKS_UNDERSTUDY_H_ */
