/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Opens of watched files, and renames and links that put a file into a watched place. One body,
 * called from whichever hook the running kernel lets us have; everything is read from the kernel's
 * own file, nothing from what the caller named. Any other open of the host costs a look at two
 * bytes.
 */
#ifndef HOPTRAIL_BPF_HOOKS_FILE_H_
#define HOPTRAIL_BPF_HOOKS_FILE_H_

#include "bpf/lib/scratch.h"
#include "bpf/lib/watch.h"

/* The same process's opens of the same file, of the same kind, are told again after this time. */
#define HT_FILE_AGAIN_NS 60000000000ULL

struct ht_open {
	struct ht_file_name file;
	__u64 start_ns;
	__u32 tgid;
	__u32 flags;
	__u32 generation; /* a file that is gone leaves its number to the next one */
	__u32 reserved;
};

struct ht_opens {
	__u64 told_ns;
	__u64 count; /* since then */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct ht_open);
	__type(value, struct ht_opens);
} opens SEC(".maps");

/* How often this open was done since it was last told, this time included; 0: not to be told. */
static __always_inline __u32 ht_opens_to_tell(struct task_struct *task,
					      const struct ht_file_name *name, struct inode *inode,
					      __u32 flags)
{
	__u64 now_ns = bpf_ktime_get_boot_ns();
	struct ht_opens fresh = { .told_ns = now_ns };
	struct ht_open open = {};
	struct ht_opens *seen;
	__u64 count;

	open.file = *name;
	open.start_ns = ht_start_ns(task, HT_UNTYPED);
	open.tgid = BPF_CORE_READ(task, tgid);
	open.flags = flags;
	open.generation = BPF_CORE_READ(inode, i_generation);
	seen = bpf_map_lookup_elem(&opens, &open);
	if (!seen) {
		bpf_map_update_elem(&opens, &open, &fresh, BPF_ANY);
		return 1;
	}
	__sync_fetch_and_add(&seen->count, 1);
	if (now_ns - seen->told_ns < HT_FILE_AGAIN_NS)
		return 0;
	count = seen->count;
	seen->told_ns = now_ns;
	seen->count = 0;
	return count;
}

struct ht_told_file {
	struct inode *inode;
	struct dentry *dentry;
	struct vfsmount *vfsmount;
	__u32 repeats;
	__u16 flags;
	__u8 action;
};

static __noinline void ht_tell_file(struct task_struct *task, const struct ht_told_file *told)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct inode *inode = told->inode;
	struct ht_scratch *s = ht_take_scratch();
	struct ht_file_name name;
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
	ht_name_inode(&name, inode);
	record->inode = name.inode;
	record->device = name.device;
	record->mode = BPF_CORE_READ(inode, i_mode);
	record->owner = BPF_CORE_READ(inode, i_uid.val);
	record->repeats = told->repeats;
	record->flags = told->flags;
	record->action = told->action;
	record->reserved = 0;
	ht_append_names(s, HT_PATH_BYTES, told->dentry, told->vfsmount, &fs->root, &record->path);
	size = sizeof(*record) + ht_scratch_end(s);
	if (size <= sizeof(*record) + HT_SCRATCH_DATA) {
		record->header.size = size;
		ring = ht_in_login(&record->header.who) ? HT_RING_HIGH : HT_RING_LOW;
		ht_output(ring, HT_TYPE_FILE, record, size);
	}
	ht_release_scratch(s);
}

/* How the file, opened in `mode`, is watched: for its own sake, its directory's, or its new name's. */
static __always_inline __u32 ht_open_watch(struct dentry *dentry, struct inode *inode, __u32 mode,
					   struct ht_file_name *name, enum ht_pointer kind)
{
	__u64 own_inode;
	__u32 watch;

	ht_name_inode_as(name, inode, kind);
	own_inode = name->inode;
	watch = ht_watch_flags(name);
	if (!(watch & (HT_WATCH_READS | HT_WATCH_WRITES))) {
		name->inode = HT_READ(kind, dentry, d_parent, d_inode, i_ino);
		watch = ht_watch_flags(name);
		name->inode = own_inode;
	}
	if (!(watch & (HT_WATCH_READS | HT_WATCH_WRITES)) && mode & FMODE_CREATED) {
		watch = ht_new_watch_flags(dentry);
		if (watch)
			ht_watch_too(name, watch);
	}
	return watch & (mode & FMODE_WRITE ? HT_WATCH_READS | HT_WATCH_WRITES : HT_WATCH_READS);
}

static __noinline void ht_on_watched_open(struct file *file, const struct ht_file_name *name)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	__u32 mode = BPF_CORE_READ(file, f_mode);
	struct ht_told_file told = { .inode = inode, .dentry = dentry, .action = HT_FILE_OPEN };
	struct task_struct *task = ht_current();

	if (!name || !ht_task_in_scope(task, HT_UNTYPED) || mode & FMODE_PATH)
		return;
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFREG)
		return;
	/* What is opened to be run has a record of its own. An overlay opens what lies beneath it
	 * for itself. */
	if (BPF_CORE_READ(file, f_flags) & FMODE_EXEC || BPF_CORE_READ(dentry, d_inode) != inode)
		return;
	told.vfsmount = BPF_CORE_READ(file, f_path.mnt);
	if (mode & FMODE_READ)
		told.flags |= HT_FILE_READ;
	if (mode & FMODE_WRITE)
		told.flags |= HT_FILE_WRITE;
	if (mode & FMODE_CREATED)
		told.flags |= HT_FILE_CREATED;
	else if (BPF_CORE_READ(file, f_flags) & O_TRUNC)
		told.flags |= HT_FILE_TRUNCATED;
	told.repeats = ht_opens_to_tell(task, name, told.inode, told.flags);
	if (told.repeats)
		ht_tell_file(task, &told);
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
	struct ht_file_name name;

	if (ht_open_watch(HT_READ(kind, file, f_path.dentry), HT_READ(kind, file, f_inode),
			  HT_READ(kind, file, f_mode), &name, kind))
		ht_on_watched_open(file, &name);
	return 0;
}

/* open(2) and its kin return: the kernel's own file behind the new descriptor. */
static __always_inline int ht_on_open_exit(long fd)
{
	struct file *file;

	if (fd < 0)
		return 0;
	file = ht_file_of_fd(ht_current(), fd);
	return file && ht_is_open_of_interest(file, HT_UNTYPED) ? ht_on_file_open(file, HT_UNTYPED)
								: 0;
}

/* `inode` (or nothing that exists yet) is about to be called `dentry`, in place of what is called
 * so now. There is no mount to be had here: the path begins at the root of the file system where
 * that is not the task's own. */
static __always_inline int ht_on_new_name(struct inode *inode, struct dentry *dentry, __u8 action)
{
	struct ht_told_file told = { .inode = inode, .dentry = dentry, .action = action };
	struct task_struct *task = ht_current();
	struct inode *replaced = BPF_CORE_READ(dentry, d_inode);
	struct ht_file_name name;
	__u32 watch;

	ht_name_inode(&name, BPF_CORE_READ(dentry, d_parent, d_inode));
	watch = ht_watch_flags(&name) & (HT_WATCH_READS | HT_WATCH_WRITES);
	if (!watch && replaced) {
		ht_name_inode(&name, replaced);
		watch = ht_watch_flags(&name) & (HT_WATCH_READS | HT_WATCH_WRITES);
	}
	if (!watch)
		watch = ht_new_watch_flags(dentry);
	if (!watch)
		return 0;
	if (inode) {
		ht_name_inode(&name, inode);
		ht_watch_too(&name, watch);
	}
	if (!ht_task_in_scope(task, HT_UNTYPED))
		return 0;
	told.vfsmount = BPF_CORE_READ(task, fs, root.mnt);
	told.repeats = 1;
	ht_tell_file(task, &told);
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

/* It is made for whoever asks for the watched name; where it leads, user space's next search finds
 * out and watches. */
static __always_inline int ht_on_symlink(struct dentry *dentry)
{
	return ht_on_new_name(NULL, dentry, HT_FILE_SYMLINK);
}

#endif /* HOPTRAIL_BPF_HOOKS_FILE_H_ */
