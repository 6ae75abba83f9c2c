/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Connects to UNIX sockets that have succeeded: only then is the peer known. One body, called from
 * the best hook that the running kernel offers. Everything is read from the sockets, nothing from
 * the address that the caller passed.
 *
 * The peer of a SOCK_STREAM or SOCK_SEQPACKET socket is the process that called listen: the kernel
 * keeps that process with the socket (SO_PEERCRED). For a socket that was passed on (socket
 * activation) the peer is thus the process that opened it. A datagram socket has only the user who
 * made it.
 *
 * The high ring carries connects from a login, to a socket of a login, or between pid namespaces:
 * these can lead from one session to another. The low ring carries the other ones (D-Bus, journal,
 * name service). Repeated connects of one process to one socket emit one record an interval, with
 * their number.
 */
#ifndef HOPTRAIL_BPF_HOOKS_UNIX_H_
#define HOPTRAIL_BPF_HOOKS_UNIX_H_

#include "bpf/lib/repeat.h"
#include "bpf/lib/scratch.h"
#include "bpf/lib/stream.h"

#define HT_UNIX_BOUND_BYTES 108 /* sockaddr_un::sun_path */

/* A process that connects, and the socket that it connects to. The kernel reuses addresses in
 * memory and inode numbers at once, so neither identifies a socket alone. */
struct ht_unix_pair {
	__u64 start_ns; /* of the process that connects */
	__u64 peer;	/* address of struct unix_address, or of the socket without one */
	__u64 inode;
	__u64 name[2]; /* the last bytes of the bound name */
	__u32 tgid;
	__u32 peer_tgid;
	__u32 generation; /* of the inode */
	__u32 reserved;
};

/* Recent connects to UNIX sockets: some programs connect to the same one all the time. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct ht_unix_pair);
	__type(value, struct ht_repeats);
} unix_pairs SEC(".maps");

/* The socket that a thread is connecting, from kprobe to kretprobe. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);   /* thread */
	__type(value, __u64); /* address of struct socket */
} unix_calls SEC(".maps");

/* NULL if the process has ended. */
static __always_inline struct task_struct *ht_process_of_pid(struct pid *pid)
{
	struct hlist_node *node = BPF_CORE_READ(pid, tasks[PIDTYPE_TGID].first);

	if (!node)
		return NULL;
	return (void *)node - bpf_core_field_offset(struct task_struct, pid_links) -
	       PIDTYPE_TGID * bpf_core_type_size(struct hlist_node);
}

static __always_inline void ht_fill_unix_peer(struct ht_unix_connect *record, struct sock *sk,
					      struct sock *peer)
{
	struct pid *pid = BPF_CORE_READ(sk, sk_peer_pid);
	struct task_struct *task;

	record->peer_start_ns = 0;
	record->peer_tgid = 0;
	record->peer_audit_session = HT_NO_LOGIN;
	record->peer_pid_namespace = 0;
	if (!pid) {
		record->peer_uid = BPF_CORE_READ(peer, sk_uid.val);
		return;
	}
	record->peer_uid = BPF_CORE_READ(sk, sk_peer_cred, euid.val);
	record->peer_tgid = BPF_CORE_READ(pid, numbers[0].nr);
	task = ht_process_of_pid(pid);
	if (!task)
		return;
	record->peer_start_ns = ht_start_ns(task, HT_UNTYPED);
	record->peer_audit_session = ht_audit_session(task, HT_UNTYPED);
	record->peer_pid_namespace = ht_pid_namespace(task, HT_UNTYPED);
}

/* The peer's name: a connected socket shares that of the listening socket that it was made from. */
static __always_inline void ht_append_unix_name(struct ht_scratch *s,
						struct ht_unix_connect *record, struct sock *peer)
{
	struct unix_sock *unix_peer = (struct unix_sock *)peer;
	struct unix_address *address = BPF_CORE_READ(unix_peer, addr);
	struct dentry *dentry = BPF_CORE_READ(unix_peer, path.dentry);
	struct fs_struct *fs = BPF_CORE_READ(ht_current(), fs);
	__u32 length = BPF_CORE_READ(address, len) - sizeof(__u16);
	const char *name = (void *)address + bpf_core_field_offset(struct unix_address, name) +
			   bpf_core_field_offset(struct sockaddr_un, sun_path);
	__u32 end = ht_scratch_end(s);
	char first = 0;

	record->name_kind = HT_UNIX_UNNAMED;
	record->inode = 0;
	record->name.length = 0;
	record->name.cut = 0;
	if (dentry) {
		record->name_kind = HT_UNIX_PATH;
		record->inode = BPF_CORE_READ(dentry, d_inode, i_ino);
		ht_append_path(s, HT_PATH_BYTES, &unix_peer->path, &fs->root, &record->name);
		return;
	}
	if (!address || length == 0 || length > HT_UNIX_BOUND_BYTES)
		return;
	bpf_probe_read_kernel(&first, sizeof(first), name);
	if (first) {
		record->name_kind = HT_UNIX_BOUND;
	} else {
		record->name_kind = HT_UNIX_ABSTRACT;
		name++;
		length--;
	}
	/* Older verifiers have lost the bound, and the compiler would omit a second check. */
	barrier_var(length);
	if (end > HT_PATH_BYTES || length > HT_UNIX_BOUND_BYTES)
		return;
	if (bpf_probe_read_kernel(&s->data[end], length, name))
		return;
	record->name.length = length;
	s->end = end + length;
}

static __always_inline enum ht_ring ht_unix_ring(const struct ht_unix_connect *record)
{
	const struct ht_identity *who = &record->header.who;

	if (ht_in_login(who))
		return HT_RING_HIGH;
	if (record->peer_audit_session != HT_NO_LOGIN)
		return HT_RING_HIGH;
	if (record->peer_pid_namespace && record->peer_pid_namespace != who->pid_namespace)
		return HT_RING_HIGH;
	return HT_RING_LOW;
}

/* All connected sockets of one listening socket share its address, its file and its process. */
static __always_inline void ht_fill_unix_pair(struct ht_unix_pair *pair, struct task_struct *task,
					      struct sock *sk, struct sock *peer)
{
	struct unix_sock *unix_peer = (struct unix_sock *)peer;
	struct unix_address *address = BPF_CORE_READ(unix_peer, addr);
	struct inode *inode = BPF_CORE_READ(unix_peer, path.dentry, d_inode);

	pair->start_ns = ht_start_ns(task, HT_UNTYPED);
	pair->tgid = BPF_CORE_READ(task, tgid);
	pair->peer = (__u64)peer;
	pair->peer_tgid = BPF_CORE_READ(sk, sk_peer_pid, numbers[0].nr);
	if (address) {
		pair->peer = (__u64)address;
		/* `len` counts the family and the name. A read that begins before a short name
		 * gets bytes of the structure's other fields. */
		bpf_probe_read_kernel(pair->name, sizeof(pair->name),
				      (void *)address +
					      bpf_core_field_offset(struct unix_address, name) +
					      BPF_CORE_READ(address, len) - sizeof(pair->name));
	}
	pair->inode = BPF_CORE_READ(inode, i_ino);
	pair->generation = BPF_CORE_READ(inode, i_generation);
}

/* See ht_repeats_due. */
static __always_inline __u32 ht_connects_due(struct task_struct *task, struct sock *sk,
					     struct sock *peer)
{
	struct ht_unix_pair pair = {};

	ht_fill_unix_pair(&pair, task, sk, peer);
	return ht_repeats_due(&unix_pairs, &pair, ht_unix_interval_ns);
}

static __always_inline int ht_on_unix_connected(struct sock *sk)
{
	struct sock *peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
	struct ht_unix_connect *record;
	struct ht_scratch *s;
	enum ht_ring ring;
	__u32 repeats;
	__u32 size;

	if (!peer || !ht_netns_in_scope(ht_sock_netns(sk, HT_UNTYPED)))
		return 0;
	repeats = ht_connects_due(ht_current(), sk, peer);
	if (!repeats)
		return 0;
	s = ht_take_scratch();
	if (!s) {
		ht_count_lost_record(HT_RING_LOW, HT_TYPE_UNIX_CONNECT);
		return 0;
	}
	record = ht_scratch_head(s, sizeof(*record));
	ht_start_record(&record->header, HT_TYPE_UNIX_CONNECT, 0);
	ht_identify_current(&record->header.who);
	ht_fill_unix_peer(record, sk, peer);
	record->repeats = repeats;
	record->socket_type = BPF_CORE_READ(sk, sk_type);
	record->reserved = 0;
	record->reserved2 = 0;
	ht_append_unix_name(s, record, peer);
	size = sizeof(*record) + ht_scratch_end(s);
	if (size <= sizeof(*record) + HT_SCRATCH_DATA) {
		record->header.size = size;
		ring = ht_unix_ring(record);
		ht_output(ring, HT_TYPE_UNIX_CONNECT, record, size);
	}
	ht_release_scratch(s);
	return 0;
}

static __always_inline int ht_on_unix_connect(struct socket *socket, int result)
{
	return result ? 0 : ht_on_unix_connected(BPF_CORE_READ(socket, sk));
}

/* kprobe and kretprobe: the first has the socket, the second the result. */
static __always_inline int ht_on_unix_connect_enter(struct socket *socket)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u64 address = (__u64)socket;

	bpf_map_update_elem(&unix_calls, &thread, &address, BPF_ANY);
	return 0;
}

static __always_inline int ht_on_unix_connect_return(int result)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u64 *address = bpf_map_lookup_elem(&unix_calls, &thread);
	struct socket *socket;

	if (!address)
		return 0;
	socket = (struct socket *)*address;
	bpf_map_delete_elem(&unix_calls, &thread);
	return ht_on_unix_connect(socket, result);
}

/* connect(2) returns: reads the kernel's own socket behind the descriptor. If another thread has
 * put another socket there meanwhile, the record is of that socket, where it is connected. */
static __always_inline int ht_on_connect_exit(int number, long result)
{
	struct task_struct *task = ht_current();
	struct sock *sk;
	__u64 fd;

	if (result || !ht_first_argument(task, number, &fd))
		return 0;
	sk = ht_sock_of_file(ht_file_of_fd(task, fd));
	if (!sk || BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX)
		return 0;
	return ht_on_unix_connected(sk);
}

#endif /* HOPTRAIL_BPF_HOOKS_UNIX_H_ */
