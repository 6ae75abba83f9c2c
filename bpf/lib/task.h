/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The identity of a task: its key, credentials, namespaces and session tag (the entry through which
 * it came), and whether it is in scope. Everything is read from kernel memory.
 */
#ifndef HOPTRAIL_BPF_LIB_TASK_H_
#define HOPTRAIL_BPF_LIB_TASK_H_

#include "bpf/lib/emit.h"

/* The running task. A kernel thread that uses a process's memory works for that process, which is
 * returned in its place: io_uring's threads are kernel threads before 5.12, threads of the process
 * later. */
static __always_inline struct task_struct *ht_current(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct mm_struct *mm;
	struct task_struct *owner;

	if (!(BPF_CORE_READ(task, flags) & PF_KTHREAD))
		return task;
	mm = BPF_CORE_READ(task, mm);
	if (!mm || !bpf_core_field_exists(mm->owner))
		return task;
	owner = BPF_CORE_READ(mm, owner);
	return owner ? owner : task;
}

static __always_inline bool ht_netns_in_scope(__u32 netns)
{
	return ht_scope_netns == 0 || ht_scope_netns == netns;
}

static __always_inline bool ht_task_in_scope(struct task_struct *task, enum ht_pointer kind)
{
	return ht_scope_netns == 0 ||
	       HT_READ(kind, task, nsproxy, net_ns, ns.inum) == ht_scope_netns;
}

static __always_inline __u64 ht_start_ns(struct task_struct *task, enum ht_pointer kind)
{
	return HT_READ(kind, task, group_leader, start_boottime);
}

/* NULL for an entry that an earlier process with the same tgid has left. */
static __always_inline struct ht_process_entry *ht_find_process(__u32 tgid, __u64 start_ns)
{
	struct ht_process_entry *entry = bpf_map_lookup_elem(&processes, &tgid);

	return entry && entry->start_ns == start_ns ? entry : NULL;
}

static __always_inline void ht_remember_process(__u32 tgid, const struct ht_process_entry *entry)
{
	if (bpf_map_update_elem(&processes, &tgid, entry, BPF_ANY))
		ht_count_lost_entry(HT_TABLE_PROCESSES);
}

/* From now on each child of this process gets a new session tag. */
static __always_inline void ht_mark_opens_sessions(__u32 tgid, __u64 start_ns)
{
	struct ht_process_entry *entry = ht_find_process(tgid, start_ns);
	struct ht_process_entry fresh = {
		.start_ns = start_ns,
		.flags = HT_PROCESS_OPENS_SESSIONS,
	};

	if (entry)
		entry->flags |= HT_PROCESS_OPENS_SESSIONS;
	else
		ht_remember_process(tgid, &fresh);
}

/* The namespace of the task's innermost pid. Not inlined, so that the compiler does not merge its
 * loads with those of typed pointers, which the verifier refuses. */
static __noinline __u32 ht_read_pid_namespace(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid *number = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
			      level * bpf_core_type_size(struct upid);

	return BPF_CORE_READ(number, ns, ns.inum);
}

/* The common case, a task in the host's pid namespace, is read by loads. */
static __always_inline __u32 ht_pid_namespace(struct task_struct *task, enum ht_pointer kind)
{
	if (kind == HT_TYPED && task->thread_pid->level == 0)
		return task->thread_pid->numbers[0].ns->ns.inum;
	return ht_read_pid_namespace(task);
}

static __always_inline void ht_fill_identity(struct ht_identity *who, struct task_struct *task,
					     enum ht_pointer kind)
{
	struct task_struct *parent = HT_READ(kind, task, real_parent);
	const struct cred *cred = HT_READ(kind, task, real_cred);
	struct nsproxy *namespaces = HT_READ(kind, task, nsproxy);
	struct ht_process_entry *entry;

	who->tgid = HT_READ(kind, task, tgid);
	who->tid = HT_READ(kind, task, pid);
	who->start_ns = ht_start_ns(task, kind);
	who->parent_tgid = HT_READ(kind, parent, tgid);
	who->parent_start_ns = ht_start_ns(parent, kind);
	who->cgroup_id = HT_READ(kind, task, cgroups, dfl_cgrp, kn, id);
	who->uid = HT_READ(kind, cred, uid.val);
	who->euid = HT_READ(kind, cred, euid.val);
	who->gid = HT_READ(kind, cred, gid.val);
	who->egid = HT_READ(kind, cred, egid.val);
	who->login_uid = ht_login_uid(task, kind);
	who->audit_session = ht_audit_session(task, kind);
	who->pid_namespace = ht_pid_namespace(task, kind);
	who->mount_namespace = HT_READ(kind, namespaces, mnt_ns, ns.inum);
	who->network_namespace = HT_READ(kind, namespaces, net_ns, ns.inum);
	who->user_namespace = HT_READ(kind, cred, user_ns, ns.inum);
	bpf_core_read(who->comm, sizeof(who->comm), &task->comm);

	entry = ht_find_process(who->tgid, who->start_ns);
	who->tag_tgid = entry ? entry->tag_tgid : 0;
	who->tag_start_ns = entry ? entry->tag_start_ns : 0;
}

/* Not inlined, to save program size. */
static __noinline void ht_identify(struct ht_identity *who, struct task_struct *task)
{
	ht_fill_identity(who, task, HT_UNTYPED);
}

/* The identity of the running task (see ht_current). */
static __always_inline void ht_identify_current(struct ht_identity *who)
{
	if (ht_current_is_typed()) {
		struct task_struct *task = bpf_get_current_task_btf();

		if (!(task->flags & PF_KTHREAD)) {
			ht_fill_identity(who, task, HT_TYPED);
			return;
		}
	}
	ht_identify(who, ht_current());
}

/* The records of processes in a login are what paths are made of. */
static __always_inline bool ht_in_login(const struct ht_identity *who)
{
	return who->tgid != 0 && who->audit_session != HT_NO_LOGIN;
}

/* Whether a claim comes from a root-owned executable that runs as root. */
static __always_inline bool ht_is_trusted_source(struct task_struct *task)
{
	struct file *executable = BPF_CORE_READ(task, mm, exe_file);

	return executable && BPF_CORE_READ(task, real_cred, euid.val) == 0 &&
	       BPF_CORE_READ(executable, f_inode, i_uid.val) == 0;
}

#endif /* HOPTRAIL_BPF_LIB_TASK_H_ */
