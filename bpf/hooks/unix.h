/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Connects to UNIX sockets, once they have succeeded: only then is the peer known. One body, called
 * from whichever hook the running kernel lets us have. Everything is read from the sockets, nothing
 * from what the caller named.
 *
 * The peer of a stream or a sequence of packets is who called listen: the kernel keeps that process
 * with the socket (SO_PEERCRED). A socket that was handed on (socket activation) thus names who
 * opened it. A datagram socket only tells the user who made it.
 *
 * The high ring is for connects within a login, or to a socket of another login than one's own, or
 * out of a container: those carry someone from session to session. The rest of the host's (D-Bus,
 * journal, name service) goes to the low ring. A process that connects to one socket over and over
 * is told once an interval, with the count.
 */
#ifndef HOPTRAIL_BPF_HOOKS_UNIX_H_
#define HOPTRAIL_BPF_HOOKS_UNIX_H_

#include "bpf/lib/scratch.h"
#include "bpf/lib/stream.h"

#define HT_UNIX_BOUND_BYTES 108 /* sockaddr_un::sun_path */

/* NULL once it has ended. */
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

/* The name of the peer, which a connected socket shares with the one that it was made from. */
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
	/* Older verifiers have lost sight of it by here, and the compiler knows it too well. */
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

/* All sockets that come of one listening socket share its address, its file and its process. */
static __always_inline void ht_name_unix_pair(struct ht_unix_pair *pair, struct task_struct *task,
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
		/* `len` counts the name and its family; before the name stands the rest of the
		 * structure. */
		bpf_probe_read_kernel(pair->name, sizeof(pair->name),
				      (void *)address +
					      bpf_core_field_offset(struct unix_address, name) +
					      BPF_CORE_READ(address, len) - sizeof(pair->name));
	}
	pair->inode = BPF_CORE_READ(inode, i_ino);
	pair->generation = BPF_CORE_READ(inode, i_generation);
}

/* How often this process has connected to this socket since that was last told; 0: not to be told
 * yet. */
static __always_inline __u32 ht_unix_repeated(struct task_struct *task, struct sock *sk,
					      struct sock *peer)
{
	struct ht_unix_pair pair = {};
	struct ht_unix_repeats fresh = {};
	struct ht_unix_repeats *seen;
	__u64 now = bpf_ktime_get_boot_ns();
	__u32 count;

	ht_name_unix_pair(&pair, task, sk, peer);
	seen = bpf_map_lookup_elem(&unix_pairs, &pair);
	if (!seen) {
		fresh.told_ns = now;
		bpf_map_update_elem(&unix_pairs, &pair, &fresh, BPF_ANY);
		return 1;
	}
	__sync_fetch_and_add(&seen->count, 1);
	if (now - seen->told_ns < ht_unix_interval_ns)
		return 0;
	count = seen->count;
	seen->told_ns = now;
	seen->count = 0;
	return count;
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
	repeats = ht_unix_repeated(ht_current(), sk, peer);
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

/* kprobe and kretprobe: the second knows the result, the first the socket. */
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

/* connect(2) returns: the kernel's own socket behind the descriptor. Another thread may have put
 * another socket there meanwhile; then that one is told, if it is connected. */
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
