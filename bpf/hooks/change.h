/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Changes of credentials and namespaces. Seen when they are made, where the running kernel lets us
 * hook that; and in any case found later, by comparing each process at its forks, execs and exit
 * with what was last known of it. The comparison does not see what was undone in between, nor
 * threads that neither fork nor exec. It does see what did not come about in the usual way: fields
 * that were overwritten, and the login, which the kernel sets on the task itself.
 */
#ifndef HOPTRAIL_BPF_HOOKS_CHANGE_H_
#define HOPTRAIL_BPF_HOOKS_CHANGE_H_

#include "bpf/lib/task.h"

struct ht_known {
	__u64 start_ns;
	struct ht_credential_set credentials;
	struct ht_namespace_set namespaces;
	__u64 changes; /* of credentials: grows with each that is told */
	__u64 exec_id; /* task_struct::self_exec_id of the exec that was told last; 0: none */
	/* Where the kernel kept both: while it keeps them there, they are the same but for what was
	 * overwritten. */
	__u64 cred;
	__u64 proxy;
};

/* What falls out by age is learnt anew, without a record. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, __u32); /* tgid */
	__type(value, struct ht_known);
} known_processes SEC(".maps");

/* The C library makes all threads of a process change at once, on several processors: who enters
 * the change here tells it. Only needed while they do. */
struct ht_told_change {
	__u64 start_ns;
	__u64 tgid;
	__u64 number; /* ht_known::changes before it */
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

static __always_inline void ht_fill_credentials(struct ht_credential_set *set,
						struct task_struct *task, const struct cred *cred,
						enum ht_pointer kind)
{
	set->effective = ht_capabilities(kind, cred, cap_effective);
	set->permitted = ht_capabilities(kind, cred, cap_permitted);
	set->uid = HT_READ(kind, cred, uid.val);
	set->euid = HT_READ(kind, cred, euid.val);
	set->gid = HT_READ(kind, cred, gid.val);
	set->egid = HT_READ(kind, cred, egid.val);
	set->login_uid = ht_login_uid(task, kind);
	set->audit_session = ht_audit_session(task, kind);
}

static __always_inline void ht_fill_namespaces(struct ht_namespace_set *set,
					       const struct nsproxy *proxy, const struct cred *cred,
					       enum ht_pointer kind)
{
	set->children_pid = HT_READ(kind, proxy, pid_ns_for_children, ns.inum);
	set->mount = HT_READ(kind, proxy, mnt_ns, ns.inum);
	set->network = HT_READ(kind, proxy, net_ns, ns.inum);
	set->user = HT_READ(kind, cred, user_ns, ns.inum);
	set->uts = HT_READ(kind, proxy, uts_ns, ns.inum);
	set->ipc = HT_READ(kind, proxy, ipc_ns, ns.inum);
	set->cgroup = HT_READ(kind, proxy, cgroup_ns, ns.inum);
	set->reserved = 0;
}

static __always_inline bool ht_words_differ(const void *one, const void *other, int words)
{
	const __u64 *a = one;
	const __u64 *b = other;
	__u64 differing = 0;

#pragma clang loop unroll(full)
	for (int i = 0; i < words; i++)
		differing |= a[i] ^ b[i];
	return differing != 0;
}

static __always_inline bool ht_credentials_differ(const struct ht_credential_set *one,
						  const struct ht_credential_set *other)
{
	return ht_words_differ(one, other, sizeof(*one) / sizeof(__u64));
}

static __always_inline bool ht_namespaces_differ(const struct ht_namespace_set *one,
						 const struct ht_namespace_set *other)
{
	return ht_words_differ(one, other, sizeof(*one) / sizeof(__u64));
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

static __always_inline struct ht_known *ht_find_known(struct task_struct *task,
						      enum ht_pointer kind)
{
	__u32 tgid = HT_READ(kind, task, tgid);
	struct ht_known *known = bpf_map_lookup_elem(&known_processes, &tgid);

	return known && known->start_ns == ht_start_ns(task, kind) ? known : NULL;
}

/* What the task is now is known from here on. */
static __noinline void ht_know(struct task_struct *task, __u64 flags)
{
	const struct cred *cred = BPF_CORE_READ(task, real_cred);
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct ht_known known;

	known.start_ns = ht_start_ns(task, HT_UNTYPED);
	known.changes = bpf_ktime_get_ns(); /* no number of before it was forgotten */
	known.exec_id = 0;
	known.cred = (__u64)cred;
	known.proxy = (__u64)BPF_CORE_READ(task, nsproxy);
	ht_fill_credentials(&known.credentials, task, cred, HT_UNTYPED);
	ht_fill_namespaces(&known.namespaces, BPF_CORE_READ(task, nsproxy), cred, HT_UNTYPED);
	bpf_map_update_elem(&known_processes, &tgid, &known, flags);
}

static __always_inline bool ht_is_as_known(const struct ht_known *known, struct task_struct *task,
					   enum ht_pointer kind)
{
	return known->cred == (__u64)HT_READ(kind, task, real_cred) &&
	       known->proxy == (__u64)HT_READ(kind, task, nsproxy) &&
	       known->credentials.login_uid == ht_login_uid(task, kind) &&
	       known->credentials.audit_session == ht_audit_session(task, kind);
}

/* At fork, exec and exit; at fork, which is not an end and comes often, without looking for what
 * was overwritten: the child carries on what is known. A process that leaves the scope is told of,
 * too. */
static __always_inline void ht_compare_as(struct task_struct *task, bool fork, enum ht_pointer kind)
{
	const struct cred *cred = HT_READ(kind, task, real_cred);
	struct nsproxy *proxy = HT_READ(kind, task, nsproxy);
	struct ht_known *known = ht_find_known(task, kind);
	struct ht_credential_set credentials;
	struct ht_namespace_set namespaces;

	if (!known) {
		if (ht_task_in_scope(task, kind))
			ht_know(task, BPF_ANY);
		return;
	}
	if (fork && ht_is_as_known(known, task, kind))
		return;
	known->cred = (__u64)cred;
	known->proxy = (__u64)proxy;
	ht_fill_credentials(&credentials, task, cred, kind);
	if (ht_credentials_differ(&known->credentials, &credentials)) {
		ht_tell_credentials(task, &known->credentials, &credentials, HT_CHANGE_COMPARED);
		known->credentials = credentials;
	}
	/* An exiting task has given its namespaces back already. */
	if (!proxy)
		return;
	ht_fill_namespaces(&namespaces, proxy, cred, kind);
	if (ht_namespaces_differ(&known->namespaces, &namespaces)) {
		ht_tell_namespaces(task, &known->namespaces, &namespaces, HT_CHANGE_COMPARED);
		known->namespaces = namespaces;
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
	struct ht_known *known = ht_find_known(parent, kind);
	__u32 tgid = HT_READ(kind, child, tgid);
	struct ht_known fresh;

	if (!known)
		return false;
	fresh = *known;
	fresh.start_ns = ht_start_ns(child, kind);
	fresh.changes = bpf_ktime_get_ns();
	fresh.cred = (__u64)HT_READ(kind, child, real_cred);
	fresh.proxy = (__u64)HT_READ(kind, child, nsproxy);
	bpf_map_update_elem(&known_processes, &tgid, &fresh, BPF_ANY);
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
	bool alike, known = false;

	alike = (__u64)HT_READ(kind, parent, nsproxy) == (__u64)HT_READ(kind, child, nsproxy) &&
		(__u64)HT_READ(kind, parent, real_cred, user_ns) ==
			(__u64)HT_READ(kind, child, real_cred, user_ns);
	if (alike && kind == HT_TYPED)
		known = ht_know_like_typed(parent, child);
	else if (alike)
		known = ht_know_like_untyped(parent, child);
	if (!known)
		ht_know(child, BPF_ANY);
	if (!alike)
		ht_tell_new_namespaces(parent, child);
}

/* Whether nobody has told this change of the process that is known: each thread of it commits what
 * the first has been told for. */
static __noinline bool ht_is_news(struct ht_known *known, struct task_struct *task,
				  const struct ht_credential_set *after)
{
	struct ht_told_change change = {};
	__u8 told = 1;

	change.start_ns = known->start_ns;
	change.tgid = BPF_CORE_READ(task, tgid);
	/* Before the comparison: it grows after what is compared has changed. */
	change.number = *(volatile __u64 *)&known->changes;
	barrier();
	if (!ht_credentials_differ(&known->credentials, after))
		return false;
	change.after = *after;
	/* Before 6.4 only the lower half of what this returns is set. */
	if ((int)bpf_map_update_elem(&told_changes, &change, &told, BPF_NOEXIST) == -EEXIST)
		return false;
	known->credentials = *after;
	barrier();
	__sync_fetch_and_add(&known->changes, 1);
	return true;
}

/* What is known of the task, which is what it is now where nothing was. */
static __always_inline struct ht_known *ht_learn(struct task_struct *task, enum ht_pointer kind)
{
	struct ht_known *known = ht_find_known(task, kind);

	if (known)
		return known;
	ht_know(task, BPF_ANY);
	return ht_find_known(task, kind);
}

/* The running task is about to act on other credentials. Of two programs that see it, one in the
 * other's place where the kernel skips it, the first one tells. */
static __always_inline int ht_on_commit_creds_of(struct task_struct *task, const struct cred *cred,
						 enum ht_pointer kind)
{
	const struct cred *old = HT_READ(kind, task, real_cred);
	struct ht_known *known;
	struct {
		struct ht_credential_set before, after;
	} credentials;
	struct {
		struct ht_namespace_set before, after;
	} namespaces;

	if (HT_READ(kind, task, flags) & PF_KTHREAD || !ht_task_in_scope(task, kind))
		return 0;
	known = ht_learn(task, kind);
	ht_fill_credentials(&credentials.before, task, old, kind);
	ht_fill_credentials(&credentials.after, task, cred, kind);
	if (ht_credentials_differ(&credentials.before, &credentials.after)) {
		if (!known || ht_is_news(known, task, &credentials.after))
			ht_tell_credentials(task, &credentials.before, &credentials.after,
					    HT_CHANGE_MADE);
	}
	if ((__u64)HT_READ(kind, old, user_ns) == (__u64)HT_READ(kind, cred, user_ns))
		return 0;
	ht_fill_namespaces(&namespaces.before, HT_READ(kind, task, nsproxy), old, kind);
	namespaces.after = namespaces.before;
	namespaces.after.user = HT_READ(kind, cred, user_ns, ns.inum);
	if (known) {
		if (known->cred == (__u64)cred &&
		    !ht_namespaces_differ(&known->namespaces, &namespaces.after))
			return 0;
		known->namespaces = namespaces.after;
		known->cred = (__u64)cred;
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
	struct ht_known *known;

	if (!proxy || HT_READ(kind, task, flags) & PF_KTHREAD)
		return 0;
	ht_fill_namespaces(&before, HT_READ(kind, task, nsproxy), cred, kind);
	ht_fill_namespaces(&after, proxy, cred, kind);
	if (!ht_netns_in_scope(before.network) && !ht_netns_in_scope(after.network))
		return 0;
	if (!ht_namespaces_differ(&before, &after))
		return 0;
	known = ht_learn(task, kind);
	if (known) {
		if (known->proxy == (__u64)proxy &&
		    !ht_namespaces_differ(&known->namespaces, &after))
			return 0;
		known->namespaces = after;
		known->proxy = (__u64)proxy;
	}
	ht_tell_namespaces(task, &before, &after, HT_CHANGE_MADE);
	return 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_CHANGE_H_ */
