/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Attempts on the sensor's programs, maps and links, by bpf(2) and by mapping a map.
 */
#ifndef HOPTRAIL_BPF_HOOKS_OBJECT_TAMPERING_H_
#define HOPTRAIL_BPF_HOOKS_OBJECT_TAMPERING_H_

#include "bpf/lib/stream.h"
#include "bpf/lib/tampering.h"

/* The loader's pid namespace, and its tgid there; set by user space. */
__u64 ht_loader_namespace_device = 0;
__u64 ht_loader_namespace_inode = 0;
__u32 ht_loader_tgid = 0;
/* The loader's parent, which also starts the worker; set once the loader has been seen. */
__u32 ht_supervisor_tgid = 0;

/* The sensor's own programs, maps and links. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct ht_object);
	__type(value, __u8);
} own_objects SEC(".maps");

/* Whether the task is one of the sensor's own processes, which may do anything to its objects. The
 * loader does so from the beginning, before ht_protected is set. In a pid namespace it does not
 * know its tgid in the initial one, so it is recognised by its own namespace and the tgid there. */
static __always_inline bool ht_is_own_process(struct task_struct *task)
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

static __noinline void ht_on_object_attempt(struct ht_object *object, __u32 kind, __u32 command,
					    bool each)
{
	struct ht_attempt attempt = {};
	struct ht_tampering *record;

	if (!object->id || !bpf_map_lookup_elem(&own_objects, object) ||
	    ht_is_own_process(ht_current()))
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

/* A tool that lists everything that is loaded takes a handle of each object in turn: that emits one
 * record, not one an object. `first` is the kernel's copy of bpf(2)'s attributes, which begin with
 * an object's id. */
static __always_inline void ht_on_handle_taken(int command, void *first)
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
	ht_on_object_attempt(&object, HT_TAMPERING_BPF, command, false);
}

/* The object behind a descriptor of the running task; zeros where that is no object of bpf(2). */
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

/* The offset, in bpf(2)'s attributes, of the descriptor of the object that the command changes or
 * uses. Commands that only read have none: lists, information, look-ups in a map. */
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

/* The same for the second descriptor of commands that have two: the one that is attached to. */
static __always_inline __u32 ht_second_descriptor(int command)
{
	if (command == BPF_LINK_CREATE || command == BPF_LINK_UPDATE ||
	    command == BPF_PROG_BIND_MAP)
		return 4;
	return HT_NO_DESCRIPTOR;
}

static __always_inline void ht_on_use_at(const char *attributes, __u32 at, bool of_user,
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
	ht_on_object_attempt(&object, HT_TAMPERING_BPF, command, true);
}

static __noinline void ht_on_use(const char *attributes, bool of_user, int command)
{
	ht_on_use_at(attributes, ht_used_descriptor(command), of_user, command);
	ht_on_use_at(attributes, ht_second_descriptor(command), of_user, command);
}

/* Any access to an object needs a handle, and since the sensor pins nothing, a handle can be got by
 * the object's id only. Taking one is reported as looking; each use of one is reported as well. */
static __always_inline int ht_on_bpf(int command, void *attributes)
{
	ht_on_handle_taken(command, attributes);
	ht_on_use(attributes, false, command);
	return 0;
}

/* bpf(2) returns: reads the kernel's own object behind the new descriptor, or behind the descriptor
 * that the caller has passed. The latter comes from the caller's memory, where another thread may
 * have changed it. */
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
		ht_on_object_attempt(&object, HT_TAMPERING_BPF, command, false);
		return 0;
	}
	ht_on_use((const char *)ht_second_argument(task), true, command);
	return 0;
}

/* A map that is mapped can be written without further calls of bpf(2). */
static __always_inline int ht_on_map_mmap(struct file *file, struct vm_area_struct *area)
{
	struct ht_object object = {};

	if (!(BPF_CORE_READ(area, vm_flags) & VM_WRITE))
		return 0;
	ht_object_of_file(file, &object);
	ht_on_object_attempt(&object, HT_TAMPERING_MMAP, 0, true);
	return 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_OBJECT_TAMPERING_H_ */
