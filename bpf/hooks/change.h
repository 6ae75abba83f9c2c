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
	return ht_audit_session(task) != HT_NO_LOGIN ? HT_RING_HIGH : HT_RING_LOW;
}

static __always_inline void ht_fill_credentials(struct ht_credential_set *set,
						struct task_struct *task, const struct cred *cred)
{
	set->effective = ht_capabilities(&cred->cap_effective);
	set->permitted = ht_capabilities(&cred->cap_permitted);
	set->uid = BPF_CORE_READ(cred, uid.val);
	set->euid = BPF_CORE_READ(cred, euid.val);
	set->gid = BPF_CORE_READ(cred, gid.val);
	set->egid = BPF_CORE_READ(cred, egid.val);
	set->login_uid = ht_login_uid(task);
	set->audit_session = ht_audit_session(task);
}

static __always_inline void ht_fill_namespaces(struct ht_namespace_set *set,
					       const struct nsproxy *proxy,
					       const struct cred *cred)
{
	set->children_pid = BPF_CORE_READ(proxy, pid_ns_for_children, ns.inum);
	set->mount = BPF_CORE_READ(proxy, mnt_ns, ns.inum);
	set->network = BPF_CORE_READ(proxy, net_ns, ns.inum);
	set->user = BPF_CORE_READ(cred, user_ns, ns.inum);
	set->uts = BPF_CORE_READ(proxy, uts_ns, ns.inum);
	set->ipc = BPF_CORE_READ(proxy, ipc_ns, ns.inum);
	set->cgroup = BPF_CORE_READ(proxy, cgroup_ns, ns.inum);
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
	ht_fill_identity(&record->header.who, task);
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
	ht_fill_identity(&record->header.who, task);
	record->before = *before;
	record->after = *after;
	record->change = change;
	__builtin_memset(record->reserved, 0, sizeof(record->reserved));
	ht_submit(ring, record);
}

static __always_inline struct ht_known *ht_find_known(struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct ht_known *known = bpf_map_lookup_elem(&known_processes, &tgid);

	return known && known->start_ns == ht_start_ns(task) ? known : NULL;
}

/* What the task is now is known from here on. */
static __noinline void ht_know(struct task_struct *task, __u64 flags)
{
	const struct cred *cred = BPF_CORE_READ(task, real_cred);
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct ht_known known;

	known.start_ns = ht_start_ns(task);
	known.changes = bpf_ktime_get_ns(); /* no number of before it was forgotten */
	known.cred = (__u64)cred;
	known.proxy = (__u64)BPF_CORE_READ(task, nsproxy);
	ht_fill_credentials(&known.credentials, task, cred);
	ht_fill_namespaces(&known.namespaces, BPF_CORE_READ(task, nsproxy), cred);
	bpf_map_update_elem(&known_processes, &tgid, &known, flags);
}

static __always_inline bool ht_is_as_known(const struct ht_known *known, struct task_struct *task)
{
	return known->cred == (__u64)BPF_CORE_READ(task, real_cred) &&
	       known->proxy == (__u64)BPF_CORE_READ(task, nsproxy) &&
	       known->credentials.login_uid == ht_login_uid(task) &&
	       known->credentials.audit_session == ht_audit_session(task);
}

/* At fork, exec and exit; at fork, which is not an end and comes often, without looking for what was
 * overwritten: the child carries on what is known. A process that leaves the scope is told of, too. */
static __noinline void ht_compare(struct task_struct *task, bool fork)
{
	const struct cred *cred = BPF_CORE_READ(task, real_cred);
	struct nsproxy *proxy = BPF_CORE_READ(task, nsproxy);
	struct ht_known *known = ht_find_known(task);
	struct ht_credential_set credentials;
	struct ht_namespace_set namespaces;

	if (!known) {
		if (ht_task_in_scope(task))
			ht_know(task, BPF_ANY);
		return;
	}
	if (fork && ht_is_as_known(known, task))
		return;
	known->cred = (__u64)cred;
	known->proxy = (__u64)proxy;
	ht_fill_credentials(&credentials, task, cred);
	if (ht_credentials_differ(&known->credentials, &credentials)) {
		ht_tell_credentials(task, &known->credentials, &credentials, HT_CHANGE_COMPARED);
		known->credentials = credentials;
	}
	/* An exiting task has given its namespaces back already. */
	if (!proxy)
		return;
	ht_fill_namespaces(&namespaces, proxy, cred);
	if (ht_namespaces_differ(&known->namespaces, &namespaces)) {
		ht_tell_namespaces(task, &known->namespaces, &namespaces, HT_CHANGE_COMPARED);
		known->namespaces = namespaces;
	}
}

/* A child is what its parent is: also what was overwritten in the parent is still to be found. False
 * where nothing is known of the parent. */
static __noinline bool ht_know_like(struct task_struct *parent, struct task_struct *child)
{
	struct ht_known *known = ht_find_known(parent);
	__u32 tgid = BPF_CORE_READ(child, tgid);
	struct ht_known fresh;

	if (!known)
		return false;
	fresh = *known;
	fresh.start_ns = ht_start_ns(child);
	fresh.changes = bpf_ktime_get_ns();
	fresh.cred = (__u64)BPF_CORE_READ(child, real_cred);
	fresh.proxy = (__u64)BPF_CORE_READ(child, nsproxy);
	bpf_map_update_elem(&known_processes, &tgid, &fresh, BPF_ANY);
	return true;
}

/* A new process differs from its parent only in what clone was asked for. */
static __noinline void ht_compare_child(struct task_struct *parent, struct task_struct *child)
{
	struct nsproxy *parents = BPF_CORE_READ(parent, nsproxy);
	struct nsproxy *childs = BPF_CORE_READ(child, nsproxy);
	const struct cred *parents_cred = BPF_CORE_READ(parent, real_cred);
	const struct cred *childs_cred = BPF_CORE_READ(child, real_cred);
	struct ht_namespace_set before, after;
	bool alike;

	alike = parents == childs &&
		BPF_CORE_READ(parents_cred, user_ns) == BPF_CORE_READ(childs_cred, user_ns);
	if (!alike || !ht_know_like(parent, child))
		ht_know(child, BPF_ANY);
	if (alike)
		return;
	ht_fill_namespaces(&before, parents, parents_cred);
	ht_fill_namespaces(&after, childs, childs_cred);
	if (ht_namespaces_differ(&before, &after))
		ht_tell_namespaces(child, &before, &after, HT_CHANGE_CLONE);
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
	if (bpf_map_update_elem(&told_changes, &change, &told, BPF_NOEXIST) == -EEXIST)
		return false;
	known->credentials = *after;
	barrier();
	__sync_fetch_and_add(&known->changes, 1);
	return true;
}

/* The running task is about to act on other credentials. */
static __always_inline int ht_on_commit_creds(const struct cred *cred)
{
	struct task_struct *task = ht_current();
	const struct cred *old = BPF_CORE_READ(task, real_cred);
	struct ht_known *known;
	struct {
		struct ht_credential_set before, after;
	} credentials;
	struct {
		struct ht_namespace_set before, after;
	} namespaces;

	if (BPF_CORE_READ(task, flags) & PF_KTHREAD || !ht_task_in_scope(task))
		return 0;
	known = ht_find_known(task);
	ht_fill_credentials(&credentials.before, task, old);
	ht_fill_credentials(&credentials.after, task, cred);
	if (ht_credentials_differ(&credentials.before, &credentials.after)) {
		if (!known || ht_is_news(known, task, &credentials.after))
			ht_tell_credentials(task, &credentials.before, &credentials.after,
					    HT_CHANGE_MADE);
	}
	if (BPF_CORE_READ(old, user_ns) == BPF_CORE_READ(cred, user_ns))
		return 0;
	ht_fill_namespaces(&namespaces.before, BPF_CORE_READ(task, nsproxy), old);
	namespaces.after = namespaces.before;
	namespaces.after.user = BPF_CORE_READ(cred, user_ns, ns.inum);
	ht_tell_namespaces(task, &namespaces.before, &namespaces.after, HT_CHANGE_MADE);
	if (known)
		known->namespaces = namespaces.after;
	return 0;
}

/* setns and unshare; at exit there is no new one. */
static __always_inline int ht_on_switch_namespaces(struct task_struct *task, struct nsproxy *proxy)
{
	const struct cred *cred = BPF_CORE_READ(task, real_cred);
	struct ht_namespace_set before, after;
	struct ht_known *known;

	if (!proxy || BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return 0;
	ht_fill_namespaces(&before, BPF_CORE_READ(task, nsproxy), cred);
	ht_fill_namespaces(&after, proxy, cred);
	if (!ht_netns_in_scope(before.network) && !ht_netns_in_scope(after.network))
		return 0;
	if (!ht_namespaces_differ(&before, &after))
		return 0;
	ht_tell_namespaces(task, &before, &after, HT_CHANGE_MADE);
	known = ht_find_known(task);
	if (known)
		known->namespaces = after;
	return 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_CHANGE_H_ */
