/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Fork, exec and exit of processes.
 */
#ifndef HOPTRAIL_BPF_HOOKS_PROCESS_H_
#define HOPTRAIL_BPF_HOOKS_PROCESS_H_

#include "bpf/hooks/compare.h"
#include "bpf/lib/scratch.h"
#include "bpf/lib/stream.h"

#define HT_AUXV_PAIRS 24

struct ht_ended_key {
	__u64 start_ns;
	__u32 tgid;
	__u32 reserved;
};

/* Processes that have ended recently. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct ht_ended_key);
	__type(value, __u8);
} ended SEC(".maps");

static __always_inline enum ht_ring ht_process_ring(const struct ht_identity *who)
{
	return ht_in_login(who) ? HT_RING_HIGH : HT_RING_LOW;
}

/* The child of a process that opens sessions gets a new session tag, any other its parent's. */
static __always_inline void ht_inherit_tag(struct ht_fork *record,
					   const struct ht_process_entry *parent)
{
	struct ht_process_entry child = { .start_ns = record->child_start_ns };

	record->child_tag_tgid = 0;
	record->child_tag_start_ns = 0;
	if (!parent)
		return;
	if (parent->flags & HT_PROCESS_OPENS_SESSIONS) {
		child.tag_tgid = record->child_tgid;
		child.tag_start_ns = record->child_start_ns;
	} else {
		child.tag_tgid = parent->tag_tgid;
		child.tag_start_ns = parent->tag_start_ns;
	}
	if (child.tag_tgid == 0)
		return;
	ht_remember_process(record->child_tgid, &child);
	record->child_tag_tgid = child.tag_tgid;
	record->child_tag_start_ns = child.tag_start_ns;
}

static __always_inline void ht_emit_fork_as(struct task_struct *parent, struct task_struct *child,
					    enum ht_pointer kind)
{
	struct ht_fork record;
	struct ht_process_entry *entry;

	ht_start_record(&record.header, HT_TYPE_FORK, sizeof(record));
	ht_fill_identity(&record.header.who, parent, kind);
	record.child_tgid = HT_READ(kind, child, tgid);
	record.child_start_ns = ht_start_ns(child, kind);
	entry = ht_find_process(record.header.who.tgid, record.header.who.start_ns);
	/* Before the record, so that the child has its tag even if the record is lost. */
	ht_inherit_tag(&record, entry);
	ht_output(ht_process_ring(&record.header.who), HT_TYPE_FORK, &record, sizeof(record));
}

HT_BY_KIND_2(void, ht_emit_fork, struct task_struct *, parent, struct task_struct *, child)

static __always_inline int ht_on_fork(struct task_struct *parent, struct task_struct *child,
				      enum ht_pointer kind)
{
	if (HT_READ(kind, child, pid) != HT_READ(kind, child, tgid))
		return 0; /* a thread */
	ht_compare(parent, true, kind);
	if (!ht_task_in_scope(parent, kind))
		return 0;
	ht_emit_fork(parent, child, kind);
	ht_compare_child(parent, child, kind);
	return 0;
}

/* A program that is started with a listening socket (socket activation) opens sessions without ever
 * calling listen. */
static __always_inline void ht_mark_if_given_listener(struct ht_scratch *s,
						      struct task_struct *task)
{
	struct sock *sk;

#pragma clang loop unroll(disable)
	for (__u32 fd = 0; fd < HT_INHERITED_FDS; fd++) {
		sk = ht_tcp_of_file(s->files[fd]);
		if (sk && BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN) {
			ht_mark_opens_sessions(BPF_CORE_READ(task, tgid),
					       ht_start_ns(task, HT_UNTYPED));
			return;
		}
	}
}

/* Everything of an image except its arguments, for exec and for the snapshot. s->files must be
 * filled in. */
static __always_inline void ht_fill_image(struct ht_scratch *s, struct task_struct *task)
{
	struct ht_exec *record = &s->exec;
	struct file *executable = BPF_CORE_READ(task, mm, exe_file);
	struct dentry *dentry = BPF_CORE_READ(executable, f_path.dentry);
	struct fs_struct *fs = BPF_CORE_READ(task, fs);

	record->inode = BPF_CORE_READ(executable, f_inode, i_ino);
	record->device = BPF_CORE_READ(executable, f_inode, i_sb, s_dev);
	record->flags = 0;
	/* No directory has ever had it (memfd), or none has it any more. */
	if (dentry && BPF_CORE_READ(dentry, d_parent) == dentry)
		record->flags = HT_EXEC_MEMORY;
	else if (executable && BPF_CORE_READ(executable, f_inode, i_nlink) == 0)
		record->flags = HT_EXEC_DELETED;
	record->cgroups.length = 0;
	record->cgroups.cut = 0;
	record->arguments.length = 0;
	record->arguments.cut = 0;
#pragma clang loop unroll(full)
	for (int i = 0; i < HT_STREAMS; i++)
		ht_fill_stream(&record->streams[i], s->files[i]);
	ht_append_path(s, HT_PATH_BYTES, &executable->f_path, &fs->root, &record->path);
	ht_append_path(s, 2 * HT_PATH_BYTES, &fs->pwd, &fs->root, &record->directory);
}

/* AT_SECURE of the new program's auxiliary vector (saved by the kernel), for hooks without a struct
 * linux_binprm. */
static __always_inline bool ht_is_secure_exec(struct task_struct *task)
{
	unsigned long *vector = (void *)BPF_CORE_READ(task, mm) +
				bpf_core_field_offset(struct mm_struct, saved_auxv);
	unsigned long pair[2] = {};

#pragma clang loop unroll(disable)
	for (int i = 0; i < HT_AUXV_PAIRS; i++) {
		if (bpf_probe_read_kernel(pair, sizeof(pair), vector + 2 * i) || pair[0] == AT_NULL)
			return false;
		if (pair[0] == AT_SECURE)
			return pair[1] != 0;
	}
	return false;
}

/* `bprm` may be NULL. Where two programs see an exec, the first to run emits it. Either can be
 * first: perf runs all its programs in the place of its first listener on the tracepoint, which may
 * be another tool's. */
static __always_inline int ht_on_exec(struct task_struct *task, struct linux_binprm *bprm,
				      enum ht_pointer kind)
{
	__u64 exec_id = HT_READ(kind, task, self_exec_id);
	struct ht_baseline *baseline = ht_find_baseline(task, kind);
	struct ht_scratch *s;
	enum ht_ring ring;
	bool secure;
	__u32 size;

	if (baseline && baseline->exec_id == exec_id)
		return 0;
	ht_compare(task, false, kind);
	if (!baseline)
		baseline = ht_find_baseline(task, kind);
	if (baseline)
		baseline->exec_id = exec_id;
	if (!ht_task_in_scope(task, kind))
		return 0;
	s = ht_take_scratch();
	if (!s) {
		ht_count_lost_record(HT_RING_LOW, HT_TYPE_EXEC);
		return 0;
	}
	ht_read_first_files(task, s->files);
	ht_mark_if_given_listener(s, task);
	ht_start_record(&s->exec.header, HT_TYPE_EXEC, 0);
	ht_fill_identity(&s->exec.header.who, task, kind);
	ht_fill_image(s, task);
	if ((__u64)HT_READ(kind, task, cgroups) != (__u64)HT_READ(kind, task, real_parent, cgroups))
		ht_append_cgroups(s, task);
	ht_append_arguments(s, BPF_CORE_READ(task, mm), &s->exec.arguments);
	secure = bprm ? BPF_CORE_READ_BITFIELD_PROBED(bprm, secureexec) : ht_is_secure_exec(task);
	if (secure)
		s->exec.flags |= HT_EXEC_SET_ID;
	ht_own_streams(&s->exec);
	size = sizeof(s->exec) + ht_scratch_end(s);
	if (size <= sizeof(s->exec) + HT_SCRATCH_DATA) {
		s->exec.header.size = size;
		ring = ht_process_ring(&s->exec.header.who);
		ht_output(ring, HT_TYPE_EXEC, &s->exec, size);
	}
	ht_release_scratch(s);
	return 0;
}

/* Whether no thread of the process is alive. The kernel counts down before the exit hooks. */
static __always_inline bool ht_has_ended(struct task_struct *task, enum ht_pointer kind)
{
	return HT_READ(kind, task, signal, live.counter) == 0;
}

/* The hook runs for each thread, and the process ends with its last one. Two threads that end at
 * the same moment may both find that no other is alive: the first of them emits the exit. */
static __always_inline bool ht_ends_first(struct task_struct *task, enum ht_pointer kind)
{
	struct ht_ended_key key = {};
	__u8 present = 1;

	key.start_ns = ht_start_ns(task, kind);
	key.tgid = HT_READ(kind, task, tgid);
	/* Before 6.4 only the lower half of what this returns is set. */
	return (int)bpf_map_update_elem(&ended, &key, &present, BPF_NOEXIST) != -EEXIST;
}

static __always_inline void ht_emit_exit_as(struct task_struct *task, enum ht_pointer kind)
{
	struct signal_struct *signal = HT_READ(kind, task, signal);
	struct ht_exit *record;
	struct ht_identity who;
	enum ht_ring ring;

	ht_fill_identity(&who, task, kind);
	ring = ht_process_ring(&who);
	record = ht_reserve(ring, HT_TYPE_EXIT, sizeof(*record));
	if (!record)
		return;
	record->header.who = who;
	record->reserved = 0;
	if (HT_READ(kind, signal, flags) & SIGNAL_GROUP_EXIT)
		record->status = HT_READ(kind, signal, group_exit_code);
	else
		record->status = HT_READ(kind, task, group_leader, exit_code);
	ht_submit(ring, record);
}

HT_BY_KIND_1(void, ht_emit_exit, struct task_struct *, task)

static __always_inline int ht_on_exit(struct task_struct *task, enum ht_pointer kind)
{
	__u32 tgid = HT_READ(kind, task, tgid);

	if (!ht_has_ended(task, kind) || !ht_ends_first(task, kind))
		return 0;
	ht_compare(task, false, kind);
	if (ht_task_in_scope(task, kind))
		ht_emit_exit(task, kind);
	bpf_map_delete_elem(&processes, &tgid);
	bpf_map_delete_elem(&credential_baselines, &tgid);
	return 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_PROCESS_H_ */
