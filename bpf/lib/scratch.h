/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Memory in which records of varying size are built: they are too large for the stack, and their
 * greatest size is too large to reserve in the ring. Also appends paths, control groups and
 * arguments to them.
 */
#ifndef HOPTRAIL_BPF_LIB_SCRATCH_H_
#define HOPTRAIL_BPF_LIB_SCRATCH_H_

#include "bpf/lib/stream.h"

#define HT_PATH_COMPONENTS 40
#define HT_CGROUP_STEPS 96 /* names plus hierarchies; version 1 has up to a dozen of these */
#define HT_CGROUP_LINK bpf_core_field_offset(struct cgrp_cset_link, cgrp_link)
#define HT_SCRATCH_DATA (2 * HT_PATH_BYTES + HT_CGROUP_BYTES + HT_ARGUMENT_BYTES)

/*
 * `end` is in memory and read anew for each step because of the verifier: a value that comes from
 * memory may be any value to it, so the paths through the loops below join after each round instead
 * of multiplying.
 */
struct ht_scratch {
	struct ht_exec exec;
	char data[HT_SCRATCH_DATA];
	__u32 end; /* of the data so far */
	__u32 busy;
	struct file *files[HT_INHERITED_FDS]; /* of the task's first descriptors */
};

/* Two a CPU: where tracing programs can be preempted, another one may run in between. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct ht_scratch);
} scratch SEC(".maps");

static __always_inline struct ht_scratch *ht_take_scratch(void)
{
	struct ht_scratch *s;
	__u32 key = 0;

	s = bpf_map_lookup_elem(&scratch, &key);
	if (s && s->busy) {
		key = 1;
		s = bpf_map_lookup_elem(&scratch, &key);
	}
	if (!s || s->busy)
		return NULL;
	s->busy = 1;
	s->end = 0;
	return s;
}

/* The fixed fields of a record that is no exec: the `size` bytes right before the data. */
static __always_inline void *ht_scratch_head(struct ht_scratch *s, __u32 size)
{
	return (void *)s + sizeof(s->exec) - size;
}

static __always_inline __u32 ht_scratch_end(const struct ht_scratch *s)
{
	return *(const volatile __u32 *)&s->end;
}

static __always_inline void ht_release_scratch(struct ht_scratch *s)
{
	s->busy = 0;
}

struct ht_dentry {
	struct dentry *parent;
	__u64 hash_and_length;
	const unsigned char *name;
};

/* In one read where the fields are adjacent, as in every kernel without a randomised layout. */
static __always_inline void ht_read_dentry(struct ht_dentry *read, struct dentry *dentry)
{
	if (bpf_core_field_offset(struct dentry, d_name.name) -
		    bpf_core_field_offset(struct dentry, d_parent) ==
	    __builtin_offsetof(struct ht_dentry, name)) {
		if (bpf_core_read(read, sizeof(*read), &dentry->d_parent))
			__builtin_memset(read, 0, sizeof(*read));
		return;
	}
	read->parent = BPF_CORE_READ(dentry, d_parent);
	read->name = BPF_CORE_READ(dentry, d_name.name);
}

/*
 * Appends the path's components from the last to the first, each with its NUL, up to the task's
 * root or that of its mount namespace. The data ends at `limit` at the latest: the front of a
 * longer path is cut.
 */
static __always_inline void ht_append_names(struct ht_scratch *s, __u32 limit,
					    struct dentry *dentry, struct vfsmount *vfsmount,
					    const struct path *root, struct ht_text *text)
{
	struct dentry *root_dentry = BPF_CORE_READ(root, dentry);
	struct vfsmount *root_vfsmount = BPF_CORE_READ(root, mnt);
	struct dentry *mount_root = BPF_CORE_READ(vfsmount, mnt_root);
	__u32 begin = ht_scratch_end(s);

	text->cut = 1;
#pragma clang loop unroll(disable)
	for (int i = 0; i < HT_PATH_COMPONENTS; i++) {
		__u32 end = ht_scratch_end(s);
		struct ht_dentry read;
		long length;

		if (!dentry)
			break;
		if (dentry == root_dentry && vfsmount == root_vfsmount) {
			text->cut = 0;
			break;
		}
		if (dentry == mount_root) {
			struct mount *mount =
				(void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);

			if (above == mount) {
				text->cut = 0;
				break;
			}
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			vfsmount = (void *)above + bpf_core_field_offset(struct mount, mnt);
			mount_root = BPF_CORE_READ(vfsmount, mnt_root);
			continue;
		}
		if (end > limit - HT_NAME_BYTES)
			break;
		ht_read_dentry(&read, dentry);
		length = bpf_probe_read_kernel_str(&s->data[end], HT_NAME_BYTES, read.name);
		if (length <= 0)
			break;
		/* The root of another file system than that of `vfsmount`: the rest is unknown. */
		if (dentry == read.parent && s->data[end] == '/')
			break;
		s->end = end + length;
		/* A file that is in no directory tree (memfd) is its own parent. */
		if (dentry == read.parent) {
			text->cut = 0;
			break;
		}
		dentry = read.parent;
	}
	text->length = ht_scratch_end(s) - begin;
}

static __always_inline void ht_append_path(struct ht_scratch *s, __u32 limit,
					   const struct path *path, const struct path *root,
					   struct ht_text *text)
{
	ht_append_names(s, limit, BPF_CORE_READ(path, dentry), BPF_CORE_READ(path, mnt), root,
			text);
}

/*
 * Appends the task's control group in each hierarchy, unless that is the hierarchy's root: its
 * names from the last to the first, each with its NUL, and one more NUL behind each group. The
 * kernel never changes a css_set, it only replaces it, so it can be walked while it is the task's.
 */
static __noinline void ht_append_cgroups(struct ht_scratch *s, struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct list_head *head = (void *)set + bpf_core_field_offset(struct css_set, cgrp_links);
	struct list_head *at = head;
	struct kernfs_node *node = NULL;
	__u32 begin = ht_scratch_end(s);
	bool named = false;

	s->exec.flags |= HT_EXEC_CGROUPS;
	s->exec.cgroups.cut = 1;
#pragma clang loop unroll(disable)
	for (int i = 0; i < HT_CGROUP_STEPS; i++) {
		struct kernfs_node *above = node ? ht_kernfs_parent(node) : NULL;
		__u32 end = ht_scratch_end(s);
		long length;

		if (end > 2 * HT_PATH_BYTES + HT_CGROUP_BYTES - HT_NAME_BYTES ||
		    end > begin + HT_CGROUP_BYTES - HT_NAME_BYTES)
			break;
		if (above) {
			length = bpf_probe_read_kernel_str(&s->data[end], HT_NAME_BYTES,
							   BPF_CORE_READ(node, name));
			if (length <= 0)
				break;
			s->end = end + length;
			node = above;
			named = true;
			continue;
		}
		if (named) {
			s->data[end] = 0;
			s->end = end + 1;
			named = false;
		}
		at = BPF_CORE_READ(at, next);
		if (!at || at == head) {
			s->exec.cgroups.cut = 0;
			break;
		}
		node = BPF_CORE_READ((struct cgrp_cset_link *)((void *)at - HT_CGROUP_LINK), cgrp,
				     kn);
	}
	s->exec.cgroups.length = ht_scratch_end(s) - begin;
}

/*
 * Appends the arguments of the program that has just been started. The kernel itself has put them
 * at mm->arg_start, and the new program has not run yet, so it cannot have changed them.
 */
static __always_inline void ht_append_arguments(struct ht_scratch *s, struct mm_struct *mm,
						struct ht_text *text)
{
	unsigned long start = BPF_CORE_READ(mm, arg_start);
	unsigned long length = BPF_CORE_READ(mm, arg_end) - start;
	__u32 end = ht_scratch_end(s);

	text->cut = length > HT_ARGUMENT_BYTES;
	if (length > HT_ARGUMENT_BYTES)
		length = HT_ARGUMENT_BYTES;
	if (length == 0 || end > HT_SCRATCH_DATA - HT_ARGUMENT_BYTES)
		return;
	if (bpf_probe_read_user(&s->data[end], length, (void *)start)) {
		text->cut = 1;
		return;
	}
	text->length = length;
	s->end = end + length;
}

#endif /* HOPTRAIL_BPF_LIB_SCRATCH_H_ */
