/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What leaves without a connection: UDP, UDP-Lite, raw, ICMP and packet sockets. Counted by process
 * and peer, and told when a flow begins and then once an interval, never packet by packet: a send
 * costs one lookup.
 *
 * The process is the running one. That holds for all of these hooks: such a datagram is put
 * together, routed and handed to its device within the call that sends it (io_uring's workers are
 * threads of their process). Sockets of the kernel's own (ICMP answers, tunnels) have no file and
 * are left out.
 *
 * Hooks on sendmsg know the peer that the process named, and count calls that succeeded;
 * cgroup_skb sees packets, after address translation. A piece that is added to a corked datagram
 * without naming the peer again is counted as sent to nobody by the first and as part of its
 * datagram by the second.
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

/* A function of its own: see ht_read_pid_namespace. */
static __noinline void ht_own_flow(struct ht_flow_key *key)
{
	struct task_struct *task = ht_current();

	key->tgid = BPF_CORE_READ(task, tgid);
	key->start_ns = ht_start_ns(task, HT_UNTYPED);
}

/* False if nobody is to know of the socket. */
static __always_inline bool ht_is_known_sender(struct ht_flow_key *key, struct sock *sk,
					       enum ht_pointer kind)
{
	if (!(__u64)HT_READ(kind, sk, sk_socket, file))
		return false;
	key->network_namespace = ht_sock_netns(sk, kind);
	return ht_netns_in_scope(key->network_namespace);
}

/* All of the key but the peer. */
static __always_inline bool ht_start_flow_key(struct ht_flow_key *key, struct sock *sk,
					      enum ht_pointer kind)
{
	if (!ht_is_known_sender(key, sk, kind))
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
	ht_own_flow(key);
	return true;
}

/* A server's answers go to as many ports as it has clients, which say nothing: they are counted
 * under its own. A server is told by the port that it asked for. */
static __always_inline void ht_fold_answers(struct ht_flow_key *key, struct sock *sk, __u16 local)
{
	if (key->peer_port < HT_FIRST_EPHEMERAL_PORT || local >= HT_FIRST_EPHEMERAL_PORT)
		return;
	if (!(BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK))
		return;
	key->local_port = local;
	key->peer_port = 0;
}

/* The peer of a sendmsg that has returned: named in the call (the kernel's copy of it), or the
 * socket's own. False if udp_sendmsg has been called with it and has counted it: IPv6 hands IPv4
 * on. */
static __always_inline bool ht_named_peer(struct ht_flow_key *key, struct sock *sk,
					  struct msghdr *message, bool v6, enum ht_pointer kind)
{
	const void *name = HT_READ(kind, message, msg_name);
	int length = HT_READ(kind, message, msg_namelen);
	/* Of a sockaddr_in; of a sockaddr_in6 the first two. Volatile: see ht_read_pid_namespace.
	 */
	volatile struct {
		__u16 family;
		__be16 port;
		__be32 v4;
	} start = {};

	if (name) {
		/* A name that IPv6 has made for IPv4 is gone by now, but not its length. */
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

/* Whole frames, which nothing of the kernel's looks into: to whom they go is not known, nor what is
 * in them, so a socket's are counted as one flow of raw packets to nobody. */
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

/* The peer that the packet goes to. Returns the bytes behind its headers. */
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

/* The same of IPv4 without options, whose header lies open to the program. */
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

/* A packet on its way out, of any protocol: TCP's leave again at once. */
static __always_inline void ht_on_egress(struct __sk_buff *context)
{
	struct bpf_sock *owner = context->sk;
	struct ht_flow_key key = {};
	struct sock *sk;
	__u32 bytes;

	/* Not a handshake or a closed connection, which are less than a socket. */
	owner = owner ? bpf_sk_fullsock(owner) : NULL;
	if (!owner || owner->protocol == IPPROTO_TCP)
		return;
	if (owner->state != TCP_ESTABLISHED && owner->state != TCP_CLOSE)
		return;
	key.protocol = owner->protocol;
	key.raw = owner->type == SOCK_RAW;
	sk = BPF_CORE_READ((struct sk_buff *)(void *)context, sk);
	if (!ht_is_known_sender(&key, sk, HT_UNTYPED))
		return;
	ht_own_flow(&key);
	bytes = ht_packet_peer(&key, context);
	if (ht_has_ports(key.protocol, key.raw))
		ht_fold_answers(&key, sk, owner->src_port);
	ht_count_send(&key, bytes);
}

#endif /* HOPTRAIL_BPF_HOOKS_DATAGRAM_H_ */
