/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The baseline of each process: its credentials and namespaces when they were last emitted or
 * looked at. A process that differs from its baseline has changed.
 */
#ifndef HOPTRAIL_BPF_LIB_BASELINE_H_
#define HOPTRAIL_BPF_LIB_BASELINE_H_

#include "bpf/lib/task.h"

struct ht_baseline {
	__u64 start_ns;
	struct ht_credential_set credentials;
	struct ht_namespace_set namespaces;
	__u64 changes; /* grows with each change of credentials that is emitted */
	__u64 exec_id; /* task_struct::self_exec_id of the exec that was emitted last; 0: none */
	/* Addresses of the kernel's cred and nsproxy: while they stay the same, so do credentials
	 * and namespaces, unless somebody has overwritten them in place. */
	__u64 cred;
	__u64 proxy;
};

/* A baseline that the LRU evicts is taken anew, without a record. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, __u32); /* tgid */
	__type(value, struct ht_baseline);
} credential_baselines SEC(".maps");

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

static __always_inline struct ht_baseline *ht_find_baseline(struct task_struct *task,
							    enum ht_pointer kind)
{
	__u32 tgid = HT_READ(kind, task, tgid);
	struct ht_baseline *baseline = bpf_map_lookup_elem(&credential_baselines, &tgid);

	return baseline && baseline->start_ns == ht_start_ns(task, kind) ? baseline : NULL;
}

/* Takes what the task is now as its baseline. */
static __noinline void ht_keep_baseline(struct task_struct *task, __u64 flags)
{
	const struct cred *cred = BPF_CORE_READ(task, real_cred);
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct ht_baseline baseline;

	baseline.start_ns = ht_start_ns(task, HT_UNTYPED);
	baseline.changes = bpf_ktime_get_ns(); /* higher than any number of an evicted baseline */
	baseline.exec_id = 0;
	baseline.cred = (__u64)cred;
	baseline.proxy = (__u64)BPF_CORE_READ(task, nsproxy);
	ht_fill_credentials(&baseline.credentials, task, cred, HT_UNTYPED);
	ht_fill_namespaces(&baseline.namespaces, BPF_CORE_READ(task, nsproxy), cred, HT_UNTYPED);
	bpf_map_update_elem(&credential_baselines, &tgid, &baseline, flags);
}

static __always_inline bool ht_matches_baseline(const struct ht_baseline *baseline,
						struct task_struct *task, enum ht_pointer kind)
{
	return baseline->cred == (__u64)HT_READ(kind, task, real_cred) &&
	       baseline->proxy == (__u64)HT_READ(kind, task, nsproxy) &&
	       baseline->credentials.login_uid == ht_login_uid(task, kind) &&
	       baseline->credentials.audit_session == ht_audit_session(task, kind);
}

/* The task's baseline; where it has none, what the task is now becomes its baseline. */
static __always_inline struct ht_baseline *ht_baseline_of(struct task_struct *task,
							  enum ht_pointer kind)
{
	struct ht_baseline *baseline = ht_find_baseline(task, kind);

	if (baseline)
		return baseline;
	ht_keep_baseline(task, BPF_ANY);
	return ht_find_baseline(task, kind);
}

#endif /* HOPTRAIL_BPF_LIB_BASELINE_H_ */
