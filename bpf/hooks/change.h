/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Changes of credentials and namespaces at the moment when they are made, where the running kernel
 * offers a hook for it. compare.h finds the other ones later.
 */
#ifndef HOPTRAIL_BPF_HOOKS_CHANGE_H_
#define HOPTRAIL_BPF_HOOKS_CHANGE_H_

#include "bpf/lib/baseline.h"

/* The C library makes all threads of a process change their credentials at once, on several CPUs:
 * only the thread that adds the change to this table emits it. An entry is needed for that long. */
struct ht_emitted_change {
	__u64 start_ns;
	__u64 tgid;
	__u64 number; /* ht_baseline::changes before it */
	struct ht_credential_set after;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct ht_emitted_change);
	__type(value, __u8);
} emitted_changes SEC(".maps");

static __always_inline enum ht_ring ht_task_ring(struct task_struct *task)
{
	return ht_audit_session(task, HT_UNTYPED) != HT_NO_LOGIN ? HT_RING_HIGH : HT_RING_LOW;
}

/* Not inlined, like the next two functions, to save stack and program size. */
static __noinline void ht_emit_credentials(struct task_struct *task,
					   const struct ht_credential_set *before,
					   const struct ht_credential_set *after, __u8 change)
{
	enum ht_ring ring = ht_task_ring(task);
	struct ht_credentials *record;

	record = ht_reserve(ring, HT_TYPE_CREDENTIALS, sizeof(*record));
	if (!record)
		return;
	ht_identify(&record->header.who, task);
	record->before = *before;
	record->after = *after;
	record->change = change;
	__builtin_memset(record->reserved, 0, sizeof(record->reserved));
	ht_submit(ring, record);
}

static __noinline void ht_emit_namespaces(struct task_struct *task,
					  const struct ht_namespace_set *before,
					  const struct ht_namespace_set *after, __u8 change)
{
	enum ht_ring ring = ht_task_ring(task);
	struct ht_namespaces *record;

	record = ht_reserve(ring, HT_TYPE_NAMESPACES, sizeof(*record));
	if (!record)
		return;
	ht_identify(&record->header.who, task);
	record->before = *before;
	record->after = *after;
	record->change = change;
	__builtin_memset(record->reserved, 0, sizeof(record->reserved));
	ht_submit(ring, record);
}

/* Whether the running thread is to emit this change: every thread of a process commits the same
 * one, and the first to come here emits it. Then `after` is the new baseline. */
static __noinline bool ht_is_new_change(struct ht_baseline *baseline, struct task_struct *task,
					const struct ht_credential_set *after)
{
	struct ht_emitted_change change = {};
	__u8 present = 1;

	change.start_ns = baseline->start_ns;
	change.tgid = BPF_CORE_READ(task, tgid);
	/* Read before the comparison: another thread increases it after it has changed what is
	 * compared. */
	change.number = *(volatile __u64 *)&baseline->changes;
	barrier();
	if (!ht_credentials_differ(&baseline->credentials, after))
		return false;
	change.after = *after;
	/* Before 6.4 only the lower half of what this returns is set. */
	if ((int)bpf_map_update_elem(&emitted_changes, &change, &present, BPF_NOEXIST) == -EEXIST)
		return false;
	baseline->credentials = *after;
	barrier();
	__sync_fetch_and_add(&baseline->changes, 1);
	return true;
}

/* The running task is about to get new credentials. A fallback program may run for the same change:
 * the first of the two programs emits it. */
static __always_inline int ht_on_commit_creds_of(struct task_struct *task, const struct cred *cred,
						 enum ht_pointer kind)
{
	const struct cred *old = HT_READ(kind, task, real_cred);
	struct ht_baseline *baseline;
	struct {
		struct ht_credential_set before, after;
	} credentials;
	struct {
		struct ht_namespace_set before, after;
	} namespaces;

	if (HT_READ(kind, task, flags) & PF_KTHREAD || !ht_task_in_scope(task, kind))
		return 0;
	baseline = ht_baseline_of(task, kind);
	ht_fill_credentials(&credentials.before, task, old, kind);
	ht_fill_credentials(&credentials.after, task, cred, kind);
	if (ht_credentials_differ(&credentials.before, &credentials.after)) {
		if (!baseline || ht_is_new_change(baseline, task, &credentials.after))
			ht_emit_credentials(task, &credentials.before, &credentials.after,
					    HT_CHANGE_MADE);
	}
	if ((__u64)HT_READ(kind, old, user_ns) == (__u64)HT_READ(kind, cred, user_ns))
		return 0;
	ht_fill_namespaces(&namespaces.before, HT_READ(kind, task, nsproxy), old, kind);
	namespaces.after = namespaces.before;
	namespaces.after.user = HT_READ(kind, cred, user_ns, ns.inum);
	if (baseline) {
		if (baseline->cred == (__u64)cred &&
		    !ht_namespaces_differ(&baseline->namespaces, &namespaces.after))
			return 0;
		baseline->namespaces = namespaces.after;
		baseline->cred = (__u64)cred;
	}
	ht_emit_namespaces(task, &namespaces.before, &namespaces.after, HT_CHANGE_MADE);
	return 0;
}

static __always_inline int ht_on_commit_creds(const struct cred *cred, enum ht_pointer kind)
{
	if (kind == HT_TYPED && ht_current_is_typed())
		return ht_on_commit_creds_of(bpf_get_current_task_btf(), cred, HT_TYPED);
	return ht_on_commit_creds_of(ht_current(), cred, HT_UNTYPED);
}

/* setns and unshare; an exiting task has no new `proxy`. The first of two programs emits. */
static __always_inline int ht_on_switch_namespaces(struct task_struct *task, struct nsproxy *proxy,
						   enum ht_pointer kind)
{
	const struct cred *cred = HT_READ(kind, task, real_cred);
	struct ht_namespace_set before, after;
	struct ht_baseline *baseline;

	if (!proxy || HT_READ(kind, task, flags) & PF_KTHREAD)
		return 0;
	ht_fill_namespaces(&before, HT_READ(kind, task, nsproxy), cred, kind);
	ht_fill_namespaces(&after, proxy, cred, kind);
	if (!ht_netns_in_scope(before.network) && !ht_netns_in_scope(after.network))
		return 0;
	if (!ht_namespaces_differ(&before, &after))
		return 0;
	baseline = ht_baseline_of(task, kind);
	if (baseline) {
		if (baseline->proxy == (__u64)proxy &&
		    !ht_namespaces_differ(&baseline->namespaces, &after))
			return 0;
		baseline->namespaces = after;
		baseline->proxy = (__u64)proxy;
	}
	ht_emit_namespaces(task, &before, &after, HT_CHANGE_MADE);
	return 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_CHANGE_H_ */
