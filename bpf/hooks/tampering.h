/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Hands laid on the sensor itself: signals to its processes, the right to trace them, handles of
 * its programs, maps and links. Told, never refused.
 */
#ifndef HOPTRAIL_BPF_HOOKS_TAMPERING_H_
#define HOPTRAIL_BPF_HOOKS_TAMPERING_H_

#include "bpf/lib/stream.h"
#include "bpf/lib/task.h"

/* The sensor's own processes, as the kernel numbers them; set by user space. */
#define HT_PROTECTED 8
__u32 ht_protected[HT_PROTECTED] = {};

/* The sensor's own programs, maps and links. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct ht_object);
	__type(value, __u8);
} own_objects SEC(".maps");

/* The same thing by the same process is told again after this time. */
#define HT_TAMPERING_AGAIN_NS 10000000000ULL

struct ht_attempt {
	__u64 start_ns;
	__u32 tgid;
	__u32 kind;
	__u32 what;   /* signal, or kind of object */
	__u32 target; /* tgid, or id */
};

struct ht_attempts {
	__u64 told_ns;
	__u64 count; /* since then */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct ht_attempt);
	__type(value, struct ht_attempts);
} attempts SEC(".maps");

static __always_inline bool ht_is_protected(__u32 tgid)
{
	bool found = false;

#pragma clang loop unroll(full)
	for (int i = 0; i < HT_PROTECTED; i++)
		found |= ht_protected[i] == tgid;
	return found && tgid;
}

static __always_inline __u32 ht_attempts_to_tell(struct ht_attempt *attempt,
						 struct task_struct *task)
{
	__u64 now_ns = bpf_ktime_get_boot_ns();
	struct ht_attempts fresh = { .told_ns = now_ns };
	struct ht_attempts *known;
	__u64 count;

	attempt->start_ns = ht_start_ns(task, HT_UNTYPED);
	attempt->tgid = BPF_CORE_READ(task, tgid);
	known = bpf_map_lookup_elem(&attempts, attempt);
	if (!known) {
		bpf_map_update_elem(&attempts, attempt, &fresh, BPF_ANY);
		return 1;
	}
	__sync_fetch_and_add(&known->count, 1);
	if (now_ns - known->told_ns < HT_TAMPERING_AGAIN_NS)
		return 0;
	count = known->count;
	known->told_ns = now_ns;
	known->count = 0;
	return count;
}

/* The rest of the record is zero. */
static __always_inline struct ht_tampering *ht_reserve_tampering(struct ht_attempt *attempt)
{
	struct task_struct *task = ht_current();
	struct ht_tampering *record;
	__u32 repeats;

	if (!ht_task_in_scope(task, HT_UNTYPED))
		return NULL;
	repeats = ht_attempts_to_tell(attempt, task);
	if (!repeats)
		return NULL;
	record = ht_reserve(HT_RING_HIGH, HT_TYPE_TAMPERING, sizeof(*record));
	if (!record)
		return NULL;
	__builtin_memset((void *)record + sizeof(record->header), 0,
			 sizeof(*record) - sizeof(record->header));
	ht_identify(&record->header.who, task);
	record->kind = attempt->kind;
	record->repeats = repeats;
	return record;
}

static __noinline void ht_tell_hand_on_process(struct task_struct *target, __u32 kind, __u32 signal)
{
	__u32 sender = bpf_get_current_pid_tgid() >> 32;
	struct ht_attempt attempt = {};
	struct ht_tampering *record;
	struct task_struct *leader = BPF_CORE_READ(target, group_leader);
	__u32 tgid = BPF_CORE_READ(target, tgid);

	if (!ht_is_protected(tgid) || ht_is_protected(sender))
		return;
	attempt.kind = kind;
	attempt.what = signal;
	attempt.target = tgid;
	record = ht_reserve_tampering(&attempt);
	if (!record)
		return;
	record->signal = signal;
	record->target_tgid = tgid;
	record->target_start_ns = ht_start_ns(target, HT_UNTYPED);
	bpf_core_read_str(record->target_comm, sizeof(record->target_comm), &leader->comm);
	ht_submit(HT_RING_HIGH, record);
}

/* kill(2) and its kin, and cgroup.kill. Not what the kernel sends by itself, but for the one signal
 * by which it stops whom somebody attaches to. */
static __always_inline int ht_on_signal(struct task_struct *target, int signal,
					struct kernel_siginfo *info)
{
	unsigned long address = 0;
	int code = SI_USER;

	if (!ht_is_protected(BPF_CORE_READ(target, tgid)) || signal <= 0)
		return 0;
	/* Read through memory: 0 and 1 are no addresses, but by a process and by the kernel. */
	bpf_probe_read_kernel(&address, sizeof(address), &info);
	if (address == 1) {
		if (signal == SIGSTOP)
			ht_tell_hand_on_process(target, HT_TAMPERING_PTRACE, 0);
		return 0;
	}
	if (address)
		code = BPF_CORE_READ(info, si_code);
	if (code == SI_USER || code == SI_QUEUE || code == SI_TKILL)
		ht_tell_hand_on_process(target, HT_TAMPERING_SIGNAL, signal);
	return 0;
}

/* To trace it, to write its memory, to take its descriptors. Reading what /proc shows is less. */
static __always_inline int ht_on_ptrace_access(struct task_struct *target, unsigned int mode)
{
	if (mode & PTRACE_MODE_ATTACH)
		ht_tell_hand_on_process(target, HT_TAMPERING_PTRACE, 0);
	return 0;
}

static __noinline void ht_tell_hand_on_object(__u32 kind, __u32 id, __u32 command)
{
	__u32 sender = bpf_get_current_pid_tgid() >> 32;
	struct ht_object object = { .kind = kind, .id = id };
	struct ht_attempt attempt = {};
	struct ht_tampering *record;

	if (!bpf_map_lookup_elem(&own_objects, &object) || ht_is_protected(sender))
		return;
	attempt.kind = HT_TAMPERING_BPF;
	attempt.what = kind;
	attempt.target = id;
	record = ht_reserve_tampering(&attempt);
	if (!record)
		return;
	record->bpf_command = command;
	record->object_kind = kind;
	record->object_id = id;
	ht_submit(HT_RING_HIGH, record);
}

/* Without a handle nobody can do anything to an object, and nothing of the sensor's is pinned: a
 * handle is had by the object's number alone. `attributes` is the kernel's copy, which begins with
 * that number. */
static __always_inline int ht_on_bpf(int command, void *attributes)
{
	__u32 kind;
	__u32 id = 0;

	if (command == BPF_PROG_GET_FD_BY_ID)
		kind = HT_OBJECT_PROGRAM;
	else if (command == BPF_MAP_GET_FD_BY_ID)
		kind = HT_OBJECT_MAP;
	else if (command == BPF_LINK_GET_FD_BY_ID)
		kind = HT_OBJECT_LINK;
	else
		return 0;
	bpf_probe_read_kernel(&id, sizeof(id), attributes);
	ht_tell_hand_on_object(kind, id, command);
	return 0;
}

/* bpf(2) returns: the kernel's own object behind the new descriptor. */
static __always_inline int ht_on_bpf_exit(long fd)
{
	struct file *file;
	void *object;
	char name[9] = {};

	if (fd < 0)
		return 0;
	file = ht_file_of_fd(ht_current(), fd);
	if (!file)
		return 0;
	bpf_probe_read_kernel_str(name, sizeof(name),
				  BPF_CORE_READ(file, f_path.dentry, d_name.name));
	object = BPF_CORE_READ(file, private_data);
	/* "bpf-prog", "bpf-map", "bpf_link": only the kernel names files without an inode. */
	if (name[0] != 'b' || name[1] != 'p' || name[2] != 'f' ||
	    BPF_CORE_READ(file, f_path.dentry, d_parent) != BPF_CORE_READ(file, f_path.dentry))
		return 0;
	if (name[4] == 'p')
		ht_tell_hand_on_object(HT_OBJECT_PROGRAM,
				       BPF_CORE_READ((struct bpf_prog *)object, aux, id),
				       BPF_PROG_GET_FD_BY_ID);
	else if (name[4] == 'm')
		ht_tell_hand_on_object(HT_OBJECT_MAP, BPF_CORE_READ((struct bpf_map *)object, id),
				       BPF_MAP_GET_FD_BY_ID);
	else if (name[4] == 'l')
		ht_tell_hand_on_object(HT_OBJECT_LINK, BPF_CORE_READ((struct bpf_link *)object, id),
				       BPF_LINK_GET_FD_BY_ID);
	return 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_TAMPERING_H_ */
