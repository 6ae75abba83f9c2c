/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Changes of credentials and namespaces, found later: each process is compared at its forks, execs
 * and exit with what was last known of it. The comparison does not see what was undone in between,
 * nor threads that neither fork nor exec. It does see what did not come about in the usual way:
 * fields that were overwritten, and the login, which the kernel sets on the task itself.
 */
#ifndef HOPTRAIL_BPF_HOOKS_COMPARE_H_
#define HOPTRAIL_BPF_HOOKS_COMPARE_H_

#include "bpf/hooks/change.h"

/* At fork, exec and exit; at fork, which is not an end and comes often, without looking for what
 * was overwritten: the child carries on what is known. A process that leaves the scope is told of,
 * too. */
static __always_inline void ht_compare_as(struct task_struct *task, bool fork, enum ht_pointer kind)
{
	const struct cred *cred = HT_READ(kind, task, real_cred);
	struct nsproxy *proxy = HT_READ(kind, task, nsproxy);
	struct ht_baseline *baseline = ht_find_baseline(task, kind);
	struct ht_credential_set credentials;
	struct ht_namespace_set namespaces;

	if (!baseline) {
		if (ht_task_in_scope(task, kind))
			ht_keep_baseline(task, BPF_ANY);
		return;
	}
	if (fork && ht_matches_baseline(baseline, task, kind))
		return;
	baseline->cred = (__u64)cred;
	baseline->proxy = (__u64)proxy;
	ht_fill_credentials(&credentials, task, cred, kind);
	if (ht_credentials_differ(&baseline->credentials, &credentials)) {
		ht_tell_credentials(task, &baseline->credentials, &credentials, HT_CHANGE_COMPARED);
		baseline->credentials = credentials;
	}
	/* An exiting task has given its namespaces back already. */
	if (!proxy)
		return;
	ht_fill_namespaces(&namespaces, proxy, cred, kind);
	if (ht_namespaces_differ(&baseline->namespaces, &namespaces)) {
		ht_tell_namespaces(task, &baseline->namespaces, &namespaces, HT_CHANGE_COMPARED);
		baseline->namespaces = namespaces;
	}
}

static __noinline void ht_compare_typed(struct task_struct *task, bool fork)
{
	ht_compare_as(task, fork, HT_TYPED);
}

static __noinline void ht_compare_untyped(struct task_struct *task, bool fork)
{
	ht_compare_as(task, fork, HT_UNTYPED);
}

static __always_inline void ht_compare(struct task_struct *task, bool fork, enum ht_pointer kind)
{
	if (kind == HT_TYPED)
		ht_compare_typed(task, fork);
	else
		ht_compare_untyped(task, fork);
}

/* A child is what its parent is: also what was overwritten in the parent is still to be found.
 * False where nothing is known of the parent. */
static __always_inline bool ht_know_like(struct task_struct *parent, struct task_struct *child,
					 enum ht_pointer kind)
{
	struct ht_baseline *baseline = ht_find_baseline(parent, kind);
	__u32 tgid = HT_READ(kind, child, tgid);
	struct ht_baseline fresh;

	if (!baseline)
		return false;
	fresh = *baseline;
	fresh.start_ns = ht_start_ns(child, kind);
	fresh.changes = bpf_ktime_get_ns();
	fresh.cred = (__u64)HT_READ(kind, child, real_cred);
	fresh.proxy = (__u64)HT_READ(kind, child, nsproxy);
	bpf_map_update_elem(&credential_baselines, &tgid, &fresh, BPF_ANY);
	return true;
}

static __noinline bool ht_know_like_typed(struct task_struct *parent, struct task_struct *child)
{
	return ht_know_like(parent, child, HT_TYPED);
}

static __noinline bool ht_know_like_untyped(struct task_struct *parent, struct task_struct *child)
{
	return ht_know_like(parent, child, HT_UNTYPED);
}

/* What clone was asked for. */
static __noinline void ht_tell_new_namespaces(struct task_struct *parent, struct task_struct *child)
{
	struct ht_namespace_set before, after;

	ht_fill_namespaces(&before, BPF_CORE_READ(parent, nsproxy),
			   BPF_CORE_READ(parent, real_cred), HT_UNTYPED);
	ht_fill_namespaces(&after, BPF_CORE_READ(child, nsproxy), BPF_CORE_READ(child, real_cred),
			   HT_UNTYPED);
	if (ht_namespaces_differ(&before, &after))
		ht_tell_namespaces(child, &before, &after, HT_CHANGE_CLONE);
}

/* A new process differs from its parent only in what clone was asked for. */
static __always_inline void ht_compare_child(struct task_struct *parent, struct task_struct *child,
					     enum ht_pointer kind)
{
	bool alike, baseline = false;

	alike = (__u64)HT_READ(kind, parent, nsproxy) == (__u64)HT_READ(kind, child, nsproxy) &&
		(__u64)HT_READ(kind, parent, real_cred, user_ns) ==
			(__u64)HT_READ(kind, child, real_cred, user_ns);
	if (alike && kind == HT_TYPED)
		baseline = ht_know_like_typed(parent, child);
	else if (alike)
		baseline = ht_know_like_untyped(parent, child);
	if (!baseline)
		ht_keep_baseline(child, BPF_ANY);
	if (!alike)
		ht_tell_new_namespaces(parent, child);
}

#endif /* HOPTRAIL_BPF_HOOKS_COMPARE_H_ */
