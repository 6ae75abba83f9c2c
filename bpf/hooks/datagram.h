/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Datagrams, sent without a connection: by UDP, UDP-Lite, raw, ICMP and packet sockets. They are
 * counted by process and peer. A flow emits a record at its beginning and then once an interval,
 * not one a packet: a datagram costs one look-up.
 *
 * The sender is the running process. That holds for all of these hooks: the call that sends a
 * datagram also builds it, routes it and hands it to its device (io_uring's workers are threads of
 * their process). The kernel's own sockets (ICMP answers, tunnels) have no file and are left out.
 *
 * The hooks on sendmsg see the peer that the process named, and count calls that succeeded.
 * cgroup_skb sees packets after address translation. A process may add a piece to a corked datagram
 * without naming the peer again: the hooks on sendmsg count it without a peer, cgroup_skb counts it
 * as part of its datagram.
 */
#ifndef HOPTRAIL_BPF_HOOKS_DATAGRAM_H_
#define HOPTRAIL_BPF_HOOKS_DATAGRAM_H_

#include "bpf/lib/flow.h"

#define HT_SOCKADDR_IN6_BYTES 24 /* the least that the kernel takes; a sockaddr_in has 16 */
#define HT_FIRST_EPHEMERAL_PORT 32768
#define HT_IPV4_HEADER_BYTES 20
#define HT_UDP_HEADER_BYTES 8

static __always_inline bool ht_has_ports(__u8 protocol, __u8 raw)
{
	return !raw && (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE);
}

/* Not inlined: see ht_read_pid_namespace. */
static __noinline void ht_fill_flow_owner(struct ht_flow_key *key)
{
	struct task_struct *task = ht_current();

	key->tgid = BPF_CORE_READ(task, tgid);
	key->start_ns = ht_start_ns(task, HT_UNTYPED);
}

/* False for the kernel's own sockets and for those outside the scope. */
static __always_inline bool ht_is_sender_in_scope(struct ht_flow_key *key, struct sock *sk,
						  enum ht_pointer kind)
{
	if (!(__u64)HT_READ(kind, sk, sk_socket, file))
		return false;
	key->network_namespace = ht_sock_netns(sk, kind);
	return ht_netns_in_scope(key->network_namespace);
}

/* Fills in the key except for the peer. False where the sender is to be ignored. */
static __always_inline bool ht_start_flow_key(struct ht_flow_key *key, struct sock *sk,
					      enum ht_pointer kind)
{
	if (!ht_is_sender_in_scope(key, sk, kind))
		return false;
	key->protocol = HT_READ(kind, sk, sk_protocol);
	key->raw = HT_READ(kind, sk, sk_type) == SOCK_RAW;
	if (kind == HT_TYPED && ht_current_is_typed()) {
		struct task_struct *task = bpf_get_current_task_btf();

		if (!(task->flags & PF_KTHREAD)) {
			key->tgid = task->tgid;
			key->start_ns = ht_start_ns(task, HT_TYPED);
			return true;
		}
	}
	ht_fill_flow_owner(key);
	return true;
}

/* A server answers as many ports as it has clients, and their numbers mean nothing, so its answers
 * are counted under its own port. A socket is a server's if it has asked for its port. */
static __always_inline void ht_fold_answers(struct ht_flow_key *key, struct sock *sk, __u16 local)
{
	if (key->peer_port < HT_FIRST_EPHEMERAL_PORT || local >= HT_FIRST_EPHEMERAL_PORT)
		return;
	if (!(BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK))
		return;
	key->local_port = local;
	key->peer_port = 0;
}

/* The peer of a sendmsg that has returned: the one named in the call (from the kernel's copy), or
 * the one that the socket is connected to. False if udp_sendmsg has counted the datagram: IPv6's
 * sendmsg calls it for IPv4 peers. */
static __always_inline bool ht_named_peer(struct ht_flow_key *key, struct sock *sk,
					  struct msghdr *message, bool v6, enum ht_pointer kind)
{
	const void *name = HT_READ(kind, message, msg_name);
	int length = HT_READ(kind, message, msg_namelen);
	/* The first fields of a sockaddr_in; a sockaddr_in6 shares the first two. Volatile: see
	 * ht_read_pid_namespace. */
	volatile struct {
		__u16 family;
		__be16 port;
		__be32 v4;
	} start = {};

	if (name) {
		/* The name that IPv6 has made for IPv4 is gone by now, but its length remains. */
		if (v6 && length < HT_SOCKADDR_IN6_BYTES)
			return false;
		bpf_probe_read_kernel((void *)&start, sizeof(start), name);
		if (v6) {
			if (start.family != AF_INET6)
				return false;
			bpf_probe_read_kernel(key->peer_address, 16, name + 8);
		} else {
			ht_map_v4(key->peer_address, start.v4);
		}
		key->peer_port = bpf_ntohs(start.port);
	} else {
		ht_remote_address(sk, key->peer_address, kind);
		key->peer_port = ht_remote_port(sk, kind);
	}
	return !v6 || !ht_is_mapped(key->peer_address);
}

static __always_inline int ht_on_sent(struct sock *sk, struct msghdr *message, int result, bool v6)
{
	struct ht_flow_key key = {};

	if (result < 0 || !ht_start_flow_key(&key, sk, HT_TYPED))
		return 0;
	if (!ht_named_peer(&key, sk, message, v6, HT_TYPED))
		return 0;
	if (ht_has_ports(key.protocol, key.raw))
		ht_fold_answers(&key, sk, ht_local_port(sk, HT_TYPED));
	else
		key.peer_port = 0;
	ht_count_send(&key, result);
	return 0;
}

/* Whole frames, which the kernel does not parse: peer and protocol are unknown, so the frames of a
 * process are counted as one flow of raw packets without a peer. */
static __always_inline int ht_on_frames_sent(struct socket *socket, int result)
{
	struct ht_flow_key key = {};

	if (result < 0 || !ht_start_flow_key(&key, BPF_CORE_READ(socket, sk), HT_UNTYPED))
		return 0;
	key.protocol = IPPROTO_RAW;
	key.raw = 1;
	ht_count_send(&key, result);
	return 0;
}

/* The packet's peer. Returns the number of bytes behind the headers. */
static __noinline __u32 ht_read_packet_peer(struct ht_flow_key *key, struct sk_buff *skb)
{
	unsigned char *head = BPF_CORE_READ(skb, head);
	__u16 network = BPF_CORE_READ(skb, network_header);
	__u16 transport = BPF_CORE_READ(skb, transport_header);
	__u32 length = BPF_CORE_READ(skb, len);
	__u32 headers = transport - network;
	__u8 version = 0;
	__be16 port = 0;
	__be32 v4 = 0;

	bpf_probe_read_kernel(&version, sizeof(version), head + network);
	if (version >> 4 == 4) {
		bpf_probe_read_kernel(&v4, sizeof(v4), head + network + 16);
		ht_map_v4(key->peer_address, v4);
	} else {
		bpf_probe_read_kernel(key->peer_address, 16, head + network + 24);
	}
	if (ht_has_ports(key->protocol, key->raw)) {
		bpf_probe_read_kernel(&port, sizeof(port), head + transport + 2);
		key->peer_port = bpf_ntohs(port);
		headers += HT_UDP_HEADER_BYTES;
	}
	return length > headers ? length - headers : 0;
}

/* The same; IPv4 without options by direct access to the packet. */
static __always_inline __u32 ht_packet_peer(struct ht_flow_key *key, struct __sk_buff *context)
{
	const __u8 *packet = (void *)(long)context->data;
	const __u8 *end = (void *)(long)context->data_end;
	__u32 headers = HT_IPV4_HEADER_BYTES;
	bool has_ports = ht_has_ports(key->protocol, key->raw);

	if (packet + HT_IPV4_HEADER_BYTES + HT_UDP_HEADER_BYTES > end || packet[0] != 0x45)
		return ht_read_packet_peer(key, (void *)context);
	ht_map_v4(key->peer_address, *(const __be32 *)(packet + 16));
	if (has_ports) {
		key->peer_port = bpf_ntohs(*(const __be16 *)(packet + HT_IPV4_HEADER_BYTES + 2));
		headers += HT_UDP_HEADER_BYTES;
	}
	return context->len > headers ? context->len - headers : 0;
}

/* An outgoing packet of any protocol; for TCP it returns at once. */
static __always_inline void ht_on_egress(struct __sk_buff *context)
{
	struct bpf_sock *owner = context->sk;
	struct ht_flow_key key = {};
	struct sock *sk;
	__u32 bytes;

	/* The request sockets and time-wait sockets of TCP are no full sockets. */
	owner = owner ? bpf_sk_fullsock(owner) : NULL;
	if (!owner || owner->protocol == IPPROTO_TCP)
		return;
	if (owner->state != TCP_ESTABLISHED && owner->state != TCP_CLOSE)
		return;
	key.protocol = owner->protocol;
	key.raw = owner->type == SOCK_RAW;
	sk = BPF_CORE_READ((struct sk_buff *)(void *)context, sk);
	if (!ht_is_sender_in_scope(&key, sk, HT_UNTYPED))
		return;
	ht_fill_flow_owner(&key);
	bytes = ht_packet_peer(&key, context);
	if (ht_has_ports(key.protocol, key.raw))
		ht_fold_answers(&key, sk, owner->src_port);
	ht_count_send(&key, bytes);
}

#endif /* HOPTRAIL_BPF_HOOKS_DATAGRAM_H_ */
