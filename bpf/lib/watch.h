/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Which files and directories are watched: by their place in the kernel, device and inode, which user
 * space finds out for each path of the configuration. What appears in a watched directory, or under a
 * watched name, is watched from that moment on without it.
 */
#ifndef HOPTRAIL_BPF_LIB_WATCH_H_
#define HOPTRAIL_BPF_LIB_WATCH_H_

#include "bpf/lib/stream.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, HT_WATCHED_FILES);
	__type(key, struct ht_file_name);
	__type(value, struct ht_watch);
} watched_files SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, HT_WATCHED_FILES);
	__type(key, struct ht_watched_name);
	__type(value, struct ht_watch);
} watched_names SEC(".maps");

/* Set by whoever enters a file into watched_files, before that, and never taken back: a file that
 * is not watched any more costs its opens the look-up. */
__u8 ht_watch_filter[HT_WATCH_FILTER_BYTES] = {};

/* For user space: what the kernel calls the file that it has opened. stat(2) says something else
 * on some file systems (btrfs, overlays). */
__u64 ht_resolved_inode = 0;
__u32 ht_resolved_device = 0;

static __always_inline void ht_name_inode_as(struct ht_file_name *name, struct inode *inode,
					     enum ht_pointer kind)
{
	name->inode = HT_READ(kind, inode, i_ino);
	name->device = HT_READ(kind, inode, i_sb, s_dev);
	name->reserved = 0;
}

static __always_inline void ht_name_inode(struct ht_file_name *name, struct inode *inode)
{
	ht_name_inode_as(name, inode, HT_UNTYPED);
}

static __always_inline int ht_resolve_fd(__u32 fd)
{
	struct file *file = ht_file_of_fd(ht_current(), fd);
	struct ht_file_name name = {};

	if (file)
		ht_name_inode(&name, BPF_CORE_READ(file, f_inode));
	ht_resolved_inode = name.inode;
	ht_resolved_device = name.device;
	return 0;
}

static __always_inline __u32 ht_watch_flags(const struct ht_file_name *name)
{
	struct ht_watch *watch = bpf_map_lookup_elem(&watched_files, name);

	return watch ? watch->flags : 0;
}

/* From now on; user space takes it away again if its own search does not find it. */
static __always_inline void ht_watch_too(const struct ht_file_name *name, __u32 flags)
{
	struct ht_watch watch = {};

	watch.flags = flags;
	ht_watch_filter[HT_WATCH_FILTER_SLOT(name->inode)] = 1;
	bpf_map_update_elem(&watched_files, name, &watch, BPF_NOEXIST);
}

static __always_inline bool ht_may_be_watched(__u64 inode)
{
	return ht_watch_filter[HT_WATCH_FILTER_SLOT(inode)] != 0;
}

static __always_inline __u32 ht_watched_name_flags(const struct ht_file_name *directory,
						   struct dentry *dentry)
{
	struct ht_watched_name name = {};
	struct ht_watch *watch;

	name.directory = *directory;
	bpf_probe_read_kernel_str(name.name, sizeof(name.name), BPF_CORE_READ(dentry, d_name.name));
	watch = bpf_map_lookup_elem(&watched_names, &name);
	return watch ? watch->flags : 0;
}

/*
 * How a file that has just got its place at `dentry` in the directory `parent` is watched for the
 * sake of its name or of its directory's name; the directory then becomes watched itself.
 */
static __noinline __u32 ht_new_watch_flags(struct dentry *dentry)
{
	struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
	struct dentry *above = BPF_CORE_READ(parent, d_parent);
	struct ht_file_name name;
	struct ht_file_name name_above;
	__u32 flags;

	ht_name_inode(&name, BPF_CORE_READ(parent, d_inode));
	if (ht_watch_flags(&name) & HT_WATCH_NAMES) {
		flags = ht_watched_name_flags(&name, dentry);
		if (flags)
			return flags;
	}
	if (above == parent)
		return 0;
	ht_name_inode(&name_above, BPF_CORE_READ(above, d_inode));
	if (!(ht_watch_flags(&name_above) & HT_WATCH_NAMES))
		return 0;
	flags = ht_watched_name_flags(&name_above, parent);
	if (flags)
		ht_watch_too(&name, flags);
	return flags;
}

#endif /* HOPTRAIL_BPF_LIB_WATCH_H_ */
