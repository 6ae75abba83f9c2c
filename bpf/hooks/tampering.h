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

/* The process that loaded this, as its own pid namespace numbers it; set by user space. And the one
 * that started that, which starts whoever reads the rings. */
__u64 ht_loader_namespace_device = 0;
__u64 ht_loader_namespace_inode = 0;
__u32 ht_loader_tgid = 0;
__u32 ht_supervisor_tgid = 0;

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
	__u32 what;   /* signal, or kind of object and command */
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
	struct ht_attempts *seen;
	__u64 count;

	attempt->start_ns = ht_start_ns(task, HT_UNTYPED);
	attempt->tgid = BPF_CORE_READ(task, tgid);
	seen = bpf_map_lookup_elem(&attempts, attempt);
	if (!seen) {
		bpf_map_update_elem(&attempts, attempt, &fresh, BPF_ANY);
		return 1;
	}
	__sync_fetch_and_add(&seen->count, 1);
	if (now_ns - seen->told_ns < HT_TAMPERING_AGAIN_NS)
		return 0;
	count = seen->count;
	seen->told_ns = now_ns;
	seen->count = 0;
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

/* Who may do to the sensor's objects what it likes: its own processes. The loader works on them all the
 * time, also before any other is known, and in a pid namespace it does not know its number here. */
static __always_inline bool ht_is_own(struct task_struct *task)
{
	struct bpf_pidns_info loader = {};
	__u32 parent = BPF_CORE_READ(task, real_parent, tgid);

	if (ht_is_protected(BPF_CORE_READ(task, tgid)))
		return true;
	if (!bpf_get_ns_current_pid_tgid(ht_loader_namespace_device, ht_loader_namespace_inode,
					 &loader, sizeof(loader)) &&
	    loader.tgid == ht_loader_tgid) {
		ht_supervisor_tgid = parent;
		return true;
	}
	return ht_supervisor_tgid && parent == ht_supervisor_tgid;
}

static __noinline void ht_tell_hand_on_object(struct ht_object *object, __u32 kind, __u32 command,
					      bool each)
{
	struct ht_attempt attempt = {};
	struct ht_tampering *record;

	if (!object->id || !bpf_map_lookup_elem(&own_objects, object) || ht_is_own(ht_current()))
		return;
	attempt.kind = kind;
	attempt.what = object->kind | command << 8;
	attempt.target = each ? object->id : 0;
	record = ht_reserve_tampering(&attempt);
	if (!record)
		return;
	record->bpf_command = command;
	record->object_kind = object->kind;
	record->object_id = object->id;
	ht_submit(HT_RING_HIGH, record);
}

/* A list of everything that is loaded takes a handle of each object in turn: it is told once, not
 * object by object. `first` is the kernel's copy of what bpf(2) was given, which begins with a
 * number. */
static __always_inline void ht_tell_handle_taken(int command, void *first)
{
	struct ht_object object = {};

	if (command == BPF_PROG_GET_FD_BY_ID)
		object.kind = HT_OBJECT_PROGRAM;
	else if (command == BPF_MAP_GET_FD_BY_ID)
		object.kind = HT_OBJECT_MAP;
	else if (command == BPF_LINK_GET_FD_BY_ID)
		object.kind = HT_OBJECT_LINK;
	else
		return;
	bpf_probe_read_kernel(&object.id, sizeof(object.id), first);
	ht_tell_hand_on_object(&object, HT_TAMPERING_BPF, command, false);
}

/* The object behind a descriptor of the running task; zeros where it is none of bpf(2)'s. */
static __noinline void ht_object_of_file(struct file *file, struct ht_object *object)
{
	char name[9] = {};
	void *itself;

	object->kind = HT_OBJECT_UNKNOWN;
	object->id = 0;
	if (!file)
		return;
	bpf_probe_read_kernel_str(name, sizeof(name),
				  BPF_CORE_READ(file, f_path.dentry, d_name.name));
	itself = BPF_CORE_READ(file, private_data);
	/* "bpf-prog", "bpf-map", "bpf_link": only the kernel names files without an inode. */
	if (name[0] != 'b' || name[1] != 'p' || name[2] != 'f' ||
	    BPF_CORE_READ(file, f_path.dentry, d_parent) != BPF_CORE_READ(file, f_path.dentry))
		return;
	if (name[4] == 'p') {
		object->kind = HT_OBJECT_PROGRAM;
		object->id = BPF_CORE_READ((struct bpf_prog *)itself, aux, id);
	} else if (name[4] == 'm') {
		object->kind = HT_OBJECT_MAP;
		object->id = BPF_CORE_READ((struct bpf_map *)itself, id);
	} else if (name[4] == 'l') {
		object->kind = HT_OBJECT_LINK;
		object->id = BPF_CORE_READ((struct bpf_link *)itself, id);
	}
}

#define HT_NO_DESCRIPTOR 0xff

/* Where in what bpf(2) is given a command has the descriptor of what it changes or puts to use. Not
 * here is what only looks: lists, information, reading a map. */
static __always_inline __u32 ht_used_descriptor(int command)
{
	if (command == BPF_MAP_UPDATE_ELEM || command == BPF_MAP_DELETE_ELEM ||
	    command == BPF_MAP_LOOKUP_AND_DELETE_ELEM || command == BPF_MAP_FREEZE ||
	    command == BPF_PROG_TEST_RUN || command == BPF_LINK_CREATE ||
	    command == BPF_LINK_UPDATE || command == BPF_LINK_DETACH ||
	    command == BPF_ITER_CREATE || command == BPF_PROG_BIND_MAP)
		return 0;
	if (command == BPF_PROG_ATTACH || command == BPF_PROG_DETACH)
		return __builtin_offsetof(union bpf_attr, attach_bpf_fd);
	if (command == BPF_MAP_UPDATE_BATCH || command == BPF_MAP_DELETE_BATCH ||
	    command == BPF_MAP_LOOKUP_AND_DELETE_BATCH)
		return __builtin_offsetof(union bpf_attr, batch.map_fd);
	if (command == BPF_OBJ_PIN)
		return __builtin_offsetof(union bpf_attr, bpf_fd);
	if (command == BPF_RAW_TRACEPOINT_OPEN)
		return __builtin_offsetof(union bpf_attr, raw_tracepoint.prog_fd);
	if (command == BPF_PROG_LOAD) /* a program that attaches to another or takes its place */
		return __builtin_offsetof(union bpf_attr, attach_prog_fd);
	return HT_NO_DESCRIPTOR;
}

/* The same, of commands that name two: what is attached, and to what. */
static __always_inline __u32 ht_second_descriptor(int command)
{
	if (command == BPF_LINK_CREATE || command == BPF_LINK_UPDATE ||
	    command == BPF_PROG_BIND_MAP)
		return 4;
	return HT_NO_DESCRIPTOR;
}

static __always_inline void ht_tell_use_at(const char *attributes, __u32 at, bool of_user,
					   int command)
{
	struct ht_object object = {};
	__u32 fd = 0;
	long error;

	if (at == HT_NO_DESCRIPTOR)
		return;
	if (of_user)
		error = bpf_probe_read_user(&fd, sizeof(fd), attributes + at);
	else
		error = bpf_probe_read_kernel(&fd, sizeof(fd), attributes + at);
	if (error)
		return;
	ht_object_of_file(ht_file_of_fd(ht_current(), fd), &object);
	ht_tell_hand_on_object(&object, HT_TAMPERING_BPF, command, true);
}

static __noinline void ht_tell_use(const char *attributes, bool of_user, int command)
{
	ht_tell_use_at(attributes, ht_used_descriptor(command), of_user, command);
	ht_tell_use_at(attributes, ht_second_descriptor(command), of_user, command);
}

/* Without a handle nobody can do anything to an object, and nothing of the sensor's is pinned: a
 * handle is had by the object's number alone. To have one is to look; what is done with it counts. */
static __always_inline int ht_on_bpf(int command, void *attributes)
{
	ht_tell_handle_taken(command, attributes);
	ht_tell_use(attributes, false, command);
	return 0;
}

/* bpf(2) returns: the kernel's own object behind the new descriptor, or behind the one that it was
 * given. That one is read from the caller's memory, where another thread may have changed it. */
static __always_inline int ht_on_bpf_exit(int number, long result)
{
	struct task_struct *task = ht_current();
	struct ht_object object = {};
	__u64 command;

	if (result < 0 || !ht_first_argument(task, number, &command))
		return 0;
	if (command == BPF_PROG_GET_FD_BY_ID || command == BPF_MAP_GET_FD_BY_ID ||
	    command == BPF_LINK_GET_FD_BY_ID) {
		ht_object_of_file(ht_file_of_fd(task, result), &object);
		ht_tell_hand_on_object(&object, HT_TAMPERING_BPF, command, false);
		return 0;
	}
	ht_tell_use((const char *)ht_second_argument(task), true, command);
	return 0;
}

/* Some maps can be written through memory, without a further call of bpf(2). */
static __always_inline int ht_on_map_mmap(struct file *file, struct vm_area_struct *area)
{
	struct ht_object object = {};

	if (!(BPF_CORE_READ(area, vm_flags) & VM_WRITE))
		return 0;
	ht_object_of_file(file, &object);
	ht_tell_hand_on_object(&object, HT_TAMPERING_MMAP, 0, true);
	return 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_TAMPERING_H_ */
