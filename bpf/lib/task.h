/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Who a task is: names, credentials, namespaces, scope, and the label that says through which
 * entry it came. Kernel memory only; nothing here is read from user memory.
 */
#ifndef HOPTRAIL_BPF_LIB_TASK_H_
#define HOPTRAIL_BPF_LIB_TASK_H_

#include "bpf/lib/emit.h"

/* Who runs. A kernel thread that has borrowed a process's memory works for it: io_uring's threads
 * are such before 5.12; later they are threads of the process itself. */
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

static __always_inline __u32 ht_task_netns(struct task_struct *task)
{
	return BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
}

static __always_inline bool ht_task_in_scope(struct task_struct *task)
{
	return ht_scope_netns == 0 || ht_task_netns(task) == ht_scope_netns;
}

static __always_inline __u64 ht_start_ns(struct task_struct *task)
{
	return BPF_CORE_READ(task, group_leader, start_boottime);
}

/* The entry of this very process: one left behind by an earlier owner of the number is not it. */
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

/* From now on each child of this process begins a new label. */
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

/* The namespace that gave the task its innermost pid. */
static __always_inline __u32 ht_pid_namespace(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid *number = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
			      level * bpf_core_type_size(struct upid);

	return BPF_CORE_READ(number, ns, ns.inum);
}

static __always_inline void ht_fill_identity(struct ht_identity *who, struct task_struct *task)
{
	struct task_struct *parent = BPF_CORE_READ(task, real_parent);
	const struct cred *cred = BPF_CORE_READ(task, real_cred);
	struct nsproxy *namespaces = BPF_CORE_READ(task, nsproxy);
	struct ht_process_entry *entry;

	who->tgid = BPF_CORE_READ(task, tgid);
	who->tid = BPF_CORE_READ(task, pid);
	who->start_ns = ht_start_ns(task);
	who->parent_tgid = BPF_CORE_READ(parent, tgid);
	who->parent_start_ns = ht_start_ns(parent);
	who->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	who->uid = BPF_CORE_READ(cred, uid.val);
	who->euid = BPF_CORE_READ(cred, euid.val);
	who->gid = BPF_CORE_READ(cred, gid.val);
	who->egid = BPF_CORE_READ(cred, egid.val);
	who->login_uid = ht_login_uid(task);
	who->audit_session = ht_audit_session(task);
	who->pid_namespace = ht_pid_namespace(task);
	who->mount_namespace = BPF_CORE_READ(namespaces, mnt_ns, ns.inum);
	who->network_namespace = BPF_CORE_READ(namespaces, net_ns, ns.inum);
	who->user_namespace = BPF_CORE_READ(cred, user_ns, ns.inum);
	bpf_core_read_str(who->comm, sizeof(who->comm), &task->comm);

	entry = ht_find_process(who->tgid, who->start_ns);
	who->label_tgid = entry ? entry->label_tgid : 0;
	who->label_start_ns = entry ? entry->label_start_ns : 0;
}

/* Within a login: its records are what paths are made of. */
static __always_inline bool ht_in_login(const struct ht_identity *who)
{
	return who->tgid != 0 && who->audit_session != HT_NO_LOGIN;
}

/* Said by a root-owned executable that runs as root. */
static __always_inline bool ht_is_trusted_speaker(struct task_struct *task)
{
	struct file *executable = BPF_CORE_READ(task, mm, exe_file);

	return executable && BPF_CORE_READ(task, real_cred, euid.val) == 0 &&
	       BPF_CORE_READ(executable, f_inode, i_uid.val) == 0;
}

#endif /* HOPTRAIL_BPF_LIB_TASK_H_ */
