/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Changes of credentials and namespaces, seen when they are made, where the running kernel lets us
 * hook that; what is not, compare.h finds later.
 */
#ifndef HOPTRAIL_BPF_HOOKS_CHANGE_H_
#define HOPTRAIL_BPF_HOOKS_CHANGE_H_

#include "bpf/lib/baseline.h"

/* The C library makes all threads of a process change at once, on several CPUs: who enters
 * the change here tells it. Only needed while they do. */
struct ht_told_change {
	__u64 start_ns;
	__u64 tgid;
	__u64 number; /* ht_baseline::changes before it */
	struct ht_credential_set after;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct ht_told_change);
	__type(value, __u8);
} told_changes SEC(".maps");

static __always_inline enum ht_ring ht_task_ring(struct task_struct *task)
{
	return ht_audit_session(task, HT_UNTYPED) != HT_NO_LOGIN ? HT_RING_HIGH : HT_RING_LOW;
}

/* Functions of their own, like those below, for the sake of the stack and of the programs' size. */
static __noinline void ht_tell_credentials(struct task_struct *task,
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

static __noinline void ht_tell_namespaces(struct task_struct *task,
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

/* Whether nobody has told this change of the process that is known: each thread of it commits what
 * the first has been told for. */
static __noinline bool ht_is_news(struct ht_baseline *baseline, struct task_struct *task,
				  const struct ht_credential_set *after)
{
	struct ht_told_change change = {};
	__u8 told = 1;

	change.start_ns = baseline->start_ns;
	change.tgid = BPF_CORE_READ(task, tgid);
	/* Before the comparison: it grows after what is compared has changed. */
	change.number = *(volatile __u64 *)&baseline->changes;
	barrier();
	if (!ht_credentials_differ(&baseline->credentials, after))
		return false;
	change.after = *after;
	/* Before 6.4 only the lower half of what this returns is set. */
	if ((int)bpf_map_update_elem(&told_changes, &change, &told, BPF_NOEXIST) == -EEXIST)
		return false;
	baseline->credentials = *after;
	barrier();
	__sync_fetch_and_add(&baseline->changes, 1);
	return true;
}

/* The running task is about to act on other credentials. Of two programs that see it, one in the
 * other's place where the kernel skips it, the first one tells. */
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
		if (!baseline || ht_is_news(baseline, task, &credentials.after))
			ht_tell_credentials(task, &credentials.before, &credentials.after,
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
	ht_tell_namespaces(task, &namespaces.before, &namespaces.after, HT_CHANGE_MADE);
	return 0;
}

static __always_inline int ht_on_commit_creds(const struct cred *cred, enum ht_pointer kind)
{
	if (kind == HT_TYPED && ht_current_is_typed())
		return ht_on_commit_creds_of(bpf_get_current_task_btf(), cred, HT_TYPED);
	return ht_on_commit_creds_of(ht_current(), cred, HT_UNTYPED);
}

/* setns and unshare; at exit there is no new one. Of two programs the first one tells. */
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
	ht_tell_namespaces(task, &before, &after, HT_CHANGE_MADE);
	return 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_CHANGE_H_ */
