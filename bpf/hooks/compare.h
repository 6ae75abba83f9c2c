/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Changes of credentials and namespaces, found later: at its forks, execs and exit each process is
 * compared with its baseline. The comparison misses changes that were undone in between, and
 * threads that neither fork nor exec. It does find changes that no hook sees: fields that somebody
 * has overwritten, and the login, which the kernel sets on the task itself.
 */
#ifndef HOPTRAIL_BPF_HOOKS_COMPARE_H_
#define HOPTRAIL_BPF_HOOKS_COMPARE_H_

#include "bpf/hooks/change.h"

/* At fork, exec and exit. Forks are frequent and the process lives on, so a fork does not look for
 * overwritten fields; the child inherits the baseline. Also emits for a process that leaves the
 * scope. */
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
		ht_emit_credentials(task, &baseline->credentials, &credentials, HT_CHANGE_COMPARED);
		baseline->credentials = credentials;
	}
	/* An exiting task has no namespaces any more. */
	if (!proxy)
		return;
	ht_fill_namespaces(&namespaces, proxy, cred, kind);
	if (ht_namespaces_differ(&baseline->namespaces, &namespaces)) {
		ht_emit_namespaces(task, &baseline->namespaces, &namespaces, HT_CHANGE_COMPARED);
		baseline->namespaces = namespaces;
	}
}

HT_BY_KIND_2(void, ht_compare, struct task_struct *, task, bool, fork)

/* The child gets its parent's baseline, so that fields which were overwritten in the parent are
 * still found in the child. False where the parent has no baseline. */
static __always_inline bool ht_inherit_baseline_as(struct task_struct *parent,
						   struct task_struct *child, enum ht_pointer kind)
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

HT_BY_KIND_2(bool, ht_inherit_baseline, struct task_struct *, parent, struct task_struct *, child)

/* The namespaces that clone was asked for. */
static __noinline void ht_emit_new_namespaces(struct task_struct *parent, struct task_struct *child)
{
	struct ht_namespace_set before, after;

	ht_fill_namespaces(&before, BPF_CORE_READ(parent, nsproxy),
			   BPF_CORE_READ(parent, real_cred), HT_UNTYPED);
	ht_fill_namespaces(&after, BPF_CORE_READ(child, nsproxy), BPF_CORE_READ(child, real_cred),
			   HT_UNTYPED);
	if (ht_namespaces_differ(&before, &after))
		ht_emit_namespaces(child, &before, &after, HT_CHANGE_CLONE);
}

/* A new process differs from its parent only in what clone was asked for. */
static __always_inline void ht_compare_child(struct task_struct *parent, struct task_struct *child,
					     enum ht_pointer kind)
{
	bool alike;

	alike = (__u64)HT_READ(kind, parent, nsproxy) == (__u64)HT_READ(kind, child, nsproxy) &&
		(__u64)HT_READ(kind, parent, real_cred, user_ns) ==
			(__u64)HT_READ(kind, child, real_cred, user_ns);
	if (!alike || !ht_inherit_baseline(parent, child, kind))
		ht_keep_baseline(child, BPF_ANY);
	if (!alike)
		ht_emit_new_namespaces(parent, child);
}

#endif /* HOPTRAIL_BPF_HOOKS_COMPARE_H_ */
