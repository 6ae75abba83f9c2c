/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Opens of watched files, and renames and links that put a file into a watched place. One body,
 * called from the best hook that the running kernel offers. Everything is read from the kernel's
 * own file, nothing from the path that the caller passed. An open of any other file costs two byte
 * look-ups in the filter.
 */
#ifndef HOPTRAIL_BPF_HOOKS_FILE_H_
#define HOPTRAIL_BPF_HOOKS_FILE_H_

#include "bpf/lib/repeat.h"
#include "bpf/lib/scratch.h"
#include "bpf/lib/watch.h"

/* Shortest time between two records of opens by the same process of the same file with the same
 * flags. */
#define HT_OPEN_INTERVAL_NS 60000000000ULL

struct ht_open {
	struct ht_file_key file;
	__u64 start_ns;
	__u32 tgid;
	__u32 flags;
	__u32 generation; /* of the inode, whose number the kernel reuses once the file is gone */
	__u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct ht_open);
	__type(value, struct ht_repeats);
} opens SEC(".maps");

/* See ht_repeats_due. */
static __always_inline __u32 ht_opens_due(struct task_struct *task, const struct ht_file_key *file,
					  struct inode *inode, __u32 flags)
{
	struct ht_open open = {};

	open.file = *file;
	open.start_ns = ht_start_ns(task, HT_UNTYPED);
	open.tgid = BPF_CORE_READ(task, tgid);
	open.flags = flags;
	open.generation = BPF_CORE_READ(inode, i_generation);
	return ht_repeats_due(&opens, &open, HT_OPEN_INTERVAL_NS);
}

struct ht_file_event {
	struct inode *inode;
	struct dentry *dentry;
	struct vfsmount *vfsmount;
	__u32 repeats;
	__u16 flags;
	__u8 action;
};

static __noinline void ht_emit_file(struct task_struct *task, const struct ht_file_event *event)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct inode *inode = event->inode;
	struct ht_scratch *s = ht_take_scratch();
	struct ht_file_key key;
	struct ht_file *record;
	enum ht_ring ring;
	__u32 size;

	if (!s) {
		ht_count_lost_record(HT_RING_LOW, HT_TYPE_FILE);
		return;
	}
	record = ht_scratch_head(s, sizeof(*record));
	ht_start_record(&record->header, HT_TYPE_FILE, 0);
	ht_identify(&record->header.who, task);
	ht_fill_file_key(&key, inode, HT_UNTYPED);
	record->inode = key.inode;
	record->device = key.device;
	record->mode = BPF_CORE_READ(inode, i_mode);
	record->owner = BPF_CORE_READ(inode, i_uid.val);
	record->repeats = event->repeats;
	record->flags = event->flags;
	record->action = event->action;
	record->reserved = 0;
	ht_append_names(s, HT_PATH_BYTES, event->dentry, event->vfsmount, &fs->root, &record->path);
	size = sizeof(*record) + ht_scratch_end(s);
	if (size <= sizeof(*record) + HT_SCRATCH_DATA) {
		record->header.size = size;
		ring = ht_in_login(&record->header.who) ? HT_RING_HIGH : HT_RING_LOW;
		ht_output(ring, HT_TYPE_FILE, record, size);
	}
	ht_release_scratch(s);
}

/* The watch flags that apply to an open in `mode`: the file's own, its directory's, or those of a
 * new file's name. Fills in the file's key. */
static __always_inline __u32 ht_open_watch(struct dentry *dentry, struct inode *inode, __u32 mode,
					   struct ht_file_key *key, enum ht_pointer kind)
{
	__u64 own_inode;
	__u32 watch;

	ht_fill_file_key(key, inode, kind);
	own_inode = key->inode;
	watch = ht_watch_flags(key);
	if (!(watch & (HT_WATCH_READS | HT_WATCH_WRITES))) {
		key->inode = HT_READ(kind, dentry, d_parent, d_inode, i_ino);
		watch = ht_watch_flags(key);
		key->inode = own_inode;
	}
	if (!(watch & (HT_WATCH_READS | HT_WATCH_WRITES)) && mode & FMODE_CREATED) {
		watch = ht_new_watch_flags(dentry);
		if (watch)
			ht_add_watch(key, watch);
	}
	return watch & (mode & FMODE_WRITE ? HT_WATCH_READS | HT_WATCH_WRITES : HT_WATCH_READS);
}

static __noinline void ht_on_watched_open(struct file *file, const struct ht_file_key *key)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	__u32 mode = BPF_CORE_READ(file, f_mode);
	struct ht_file_event event = { .inode = inode, .dentry = dentry, .action = HT_FILE_OPEN };
	struct task_struct *task = ht_current();

	if (!key || !ht_task_in_scope(task, HT_UNTYPED) || mode & FMODE_PATH)
		return;
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFREG)
		return;
	/* An exec has a record of its own. An overlay opens the file beneath its own file for
	 * itself. */
	if (BPF_CORE_READ(file, f_flags) & FMODE_EXEC || BPF_CORE_READ(dentry, d_inode) != inode)
		return;
	event.vfsmount = BPF_CORE_READ(file, f_path.mnt);
	if (mode & FMODE_READ)
		event.flags |= HT_FILE_READ;
	if (mode & FMODE_WRITE)
		event.flags |= HT_FILE_WRITE;
	if (mode & FMODE_CREATED)
		event.flags |= HT_FILE_CREATED;
	else if (BPF_CORE_READ(file, f_flags) & O_TRUNC)
		event.flags |= HT_FILE_TRUNCATED;
	event.repeats = ht_opens_due(task, key, event.inode, event.flags);
	if (event.repeats)
		ht_emit_file(task, &event);
}

/* Most opens of a host end here. */
static __always_inline bool ht_is_open_of_interest(struct file *file, enum ht_pointer kind)
{
	return HT_READ(kind, file, f_mode) & FMODE_CREATED ||
	       ht_may_be_watched(HT_READ(kind, file, f_inode, i_ino)) ||
	       ht_may_be_watched(HT_READ(kind, file, f_path.dentry, d_parent, d_inode, i_ino));
}

static __always_inline int ht_on_file_open(struct file *file, enum ht_pointer kind)
{
	struct ht_file_key key;

	if (ht_open_watch(HT_READ(kind, file, f_path.dentry), HT_READ(kind, file, f_inode),
			  HT_READ(kind, file, f_mode), &key, kind))
		ht_on_watched_open(file, &key);
	return 0;
}

/* open(2) or a related call returns: reads the kernel's own file behind the new descriptor. */
static __always_inline int ht_on_open_exit(long fd)
{
	struct file *file;

	if (fd < 0)
		return 0;
	file = ht_file_of_fd(ht_current(), fd);
	return file && ht_is_open_of_interest(file, HT_UNTYPED) ? ht_on_file_open(file, HT_UNTYPED)
								: 0;
}

/* `inode` (NULL: a new file) is about to get the name `dentry`, and replaces the file that has this
 * name now. The hooks do not pass the mount, so the task's root mount is assumed: on another file
 * system the path begins at that file system's root. */
static __always_inline int ht_on_new_name(struct inode *inode, struct dentry *dentry, __u8 action)
{
	struct ht_file_event event = { .inode = inode, .dentry = dentry, .action = action };
	struct task_struct *task = ht_current();
	struct inode *replaced = BPF_CORE_READ(dentry, d_inode);
	struct ht_file_key key;
	__u32 watch;

	ht_fill_file_key(&key, BPF_CORE_READ(dentry, d_parent, d_inode), HT_UNTYPED);
	watch = ht_watch_flags(&key) & (HT_WATCH_READS | HT_WATCH_WRITES);
	if (!watch && replaced) {
		ht_fill_file_key(&key, replaced, HT_UNTYPED);
		watch = ht_watch_flags(&key) & (HT_WATCH_READS | HT_WATCH_WRITES);
	}
	if (!watch)
		watch = ht_new_watch_flags(dentry);
	if (!watch)
		return 0;
	if (inode) {
		ht_fill_file_key(&key, inode, HT_UNTYPED);
		ht_add_watch(&key, watch);
	}
	if (!ht_task_in_scope(task, HT_UNTYPED))
		return 0;
	event.vfsmount = BPF_CORE_READ(task, fs, root.mnt);
	event.repeats = 1;
	ht_emit_file(task, &event);
	return 0;
}

static __always_inline int ht_on_rename(struct dentry *from, struct dentry *to)
{
	return ht_on_new_name(BPF_CORE_READ(from, d_inode), to, HT_FILE_RENAME);
}

static __always_inline int ht_on_link(struct dentry *from, struct dentry *to)
{
	return ht_on_new_name(BPF_CORE_READ(from, d_inode), to, HT_FILE_LINK);
}

/* Programs that open the watched name get the link's target instead. User space's next search
 * follows the link and watches the target. */
static __always_inline int ht_on_symlink(struct dentry *dentry)
{
	return ht_on_new_name(NULL, dentry, HT_FILE_SYMLINK);
}

#endif /* HOPTRAIL_BPF_HOOKS_FILE_H_ */
