/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The watched files and directories, by file key (device and inode). User space looks up the key of
 * each path in its configuration. A file that appears in a watched directory or under a watched
 * name is watched at once, without user space.
 */
#ifndef HOPTRAIL_BPF_LIB_WATCH_H_
#define HOPTRAIL_BPF_LIB_WATCH_H_

#include "bpf/lib/stream.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, HT_WATCHED_FILES);
	__type(key, struct ht_file_key);
	__type(value, struct ht_watch);
} watched_files SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, HT_WATCHED_FILES);
	__type(key, struct ht_watched_name);
	__type(value, struct ht_watch);
} watched_names SEC(".maps");

/* See HT_WATCH_FILTER_SLOT. Set before a file is added to watched_files, and never cleared: an open
 * of a file that is no longer watched costs a look-up in the table. */
__u8 ht_watch_filter[HT_WATCH_FILTER_BYTES] = {};

/* Result of ht_resolve_fd: the kernel's own device and inode of a file that user space has opened.
 * stat(2) returns others on some file systems (btrfs, overlayfs). */
__u64 ht_resolved_inode = 0;
__u32 ht_resolved_device = 0;

static __always_inline void ht_fill_file_key(struct ht_file_key *key, struct inode *inode,
					     enum ht_pointer kind)
{
	key->inode = HT_READ(kind, inode, i_ino);
	key->device = HT_READ(kind, inode, i_sb, s_dev);
	key->reserved = 0;
}

static __always_inline int ht_resolve_fd(__u32 fd)
{
	struct file *file = ht_file_of_fd(ht_current(), fd);
	struct ht_file_key key = {};

	if (file)
		ht_fill_file_key(&key, BPF_CORE_READ(file, f_inode), HT_UNTYPED);
	ht_resolved_inode = key.inode;
	ht_resolved_device = key.device;
	return 0;
}

static __always_inline __u32 ht_watch_flags(const struct ht_file_key *key)
{
	struct ht_watch *watch = bpf_map_lookup_elem(&watched_files, key);

	return watch ? watch->flags : 0;
}

/* User space removes the watch again if its own search does not find the file. */
static __always_inline void ht_add_watch(const struct ht_file_key *key, __u32 flags)
{
	struct ht_watch watch = {};

	watch.flags = flags;
	ht_watch_filter[HT_WATCH_FILTER_SLOT(key->inode)] = 1;
	bpf_map_update_elem(&watched_files, key, &watch, BPF_NOEXIST);
}

static __always_inline bool ht_may_be_watched(__u64 inode)
{
	return ht_watch_filter[HT_WATCH_FILTER_SLOT(inode)] != 0;
}

static __always_inline __u32 ht_watched_name_flags(const struct ht_file_key *directory,
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
 * The watch flags of a file that has just appeared at `dentry`, by its own name or by the name of
 * its directory. In the second case the directory becomes watched as well.
 */
static __noinline __u32 ht_new_watch_flags(struct dentry *dentry)
{
	struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
	struct dentry *above = BPF_CORE_READ(parent, d_parent);
	struct ht_file_key key;
	struct ht_file_key key_above;
	__u32 flags;

	ht_fill_file_key(&key, BPF_CORE_READ(parent, d_inode), HT_UNTYPED);
	if (ht_watch_flags(&key) & HT_WATCH_NAMES) {
		flags = ht_watched_name_flags(&key, dentry);
		if (flags)
			return flags;
	}
	if (above == parent)
		return 0;
	ht_fill_file_key(&key_above, BPF_CORE_READ(above, d_inode), HT_UNTYPED);
	if (!(ht_watch_flags(&key_above) & HT_WATCH_NAMES))
		return 0;
	flags = ht_watched_name_flags(&key_above, parent);
	if (flags)
		ht_add_watch(&key, flags);
	return flags;
}

#endif /* HOPTRAIL_BPF_LIB_WATCH_H_ */
