/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * TCP sockets: addresses, the hop key, the side, byte counts. Everything is read from struct sock.
 */
#ifndef HOPTRAIL_BPF_LIB_SOCKET_H_
#define HOPTRAIL_BPF_LIB_SOCKET_H_

#include "bpf/lib/task.h"

#include <bpf/bpf_endian.h>

static __always_inline __u32 ht_sock_netns(struct sock *sk, enum ht_pointer kind)
{
	return HT_READ(kind, sk, __sk_common.skc_net.net, ns.inum);
}

static __always_inline bool ht_is_tcp(struct sock *sk, enum ht_pointer kind)
{
	__u16 family = HT_READ(kind, sk, __sk_common.skc_family);

	return (family == AF_INET || family == AF_INET6) &&
	       HT_READ(kind, sk, sk_protocol) == IPPROTO_TCP;
}

/* NULL for a typed one that is not TCP or not a full socket. */
static __always_inline struct tcp_sock *ht_tcp_sock(struct sock *sk, enum ht_pointer kind)
{
	return kind == HT_TYPED ? bpf_skc_to_tcp_sock(sk) : (struct tcp_sock *)sk;
}

/* The TCP socket that carries a socket's data: the socket itself, or the first subflow of MPTCP.
 * NULL where there is none. */
static __always_inline struct sock *ht_tcp_of(struct sock *sk)
{
	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_MPTCP &&
	    bpf_core_type_exists(struct mptcp_sock))
		sk = BPF_CORE_READ((struct mptcp_sock *)sk, first);
	return sk && ht_is_tcp(sk, HT_UNTYPED) ? sk : NULL;
}

static __always_inline __u64 ht_socket_id(struct sock *sk)
{
	__u64 address = 0;

	/* Read through memory: the verifier refuses arithmetic on a typed pointer. */
	bpf_probe_read_kernel(&address, sizeof(address), &sk);
	return address ^ ht_socket_key;
}

static __always_inline bool ht_is_watched_port(__u16 port)
{
	return ht_watched_ports[(port >> 6) & 1023] >> (port & 63) & 1;
}

/* A socket that is being closed has skc_num 0 already, but still has inet_sport. */
static __always_inline __u16 ht_local_port(struct sock *sk, enum ht_pointer kind)
{
	__u16 port = HT_READ(kind, sk, __sk_common.skc_num);

	return port ? port : bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
}

static __always_inline __u16 ht_remote_port(struct sock *sk, enum ht_pointer kind)
{
	return bpf_ntohs(HT_READ(kind, sk, __sk_common.skc_dport));
}

static __always_inline void ht_map_v4(__u8 *address, __be32 v4)
{
	*(__u64 *)address = 0;
	*(__u32 *)(address + 8) = bpf_htonl(0xffff);
	*(__u32 *)(address + 12) = v4;
}

static __always_inline void ht_local_address(struct sock *sk, __u8 *address, enum ht_pointer kind)
{
	if (HT_READ(kind, sk, __sk_common.skc_family) == AF_INET6 &&
	    bpf_core_field_exists(sk->__sk_common.skc_v6_rcv_saddr))
		bpf_core_read(address, 16, &sk->__sk_common.skc_v6_rcv_saddr);
	else
		ht_map_v4(address, HT_READ(kind, sk, __sk_common.skc_rcv_saddr));
}

static __always_inline void ht_remote_address(struct sock *sk, __u8 *address, enum ht_pointer kind)
{
	if (HT_READ(kind, sk, __sk_common.skc_family) == AF_INET6 &&
	    bpf_core_field_exists(sk->__sk_common.skc_v6_daddr))
		bpf_core_read(address, 16, &sk->__sk_common.skc_v6_daddr);
	else
		ht_map_v4(address, HT_READ(kind, sk, __sk_common.skc_daddr));
}

static __always_inline bool ht_is_mapped(const __u8 *address)
{
	return *(const __u64 *)address == 0 && *(const __u32 *)(address + 8) == bpf_htonl(0xffff);
}

static __always_inline bool ht_is_loopback(const __u8 *address)
{
	__u64 high = *(const __u64 *)address;
	__u32 third = *(const __u32 *)(address + 8);
	__u32 fourth = *(const __u32 *)(address + 12);

	if (high != 0)
		return false;
	if (third == bpf_htonl(0xffff))
		return address[12] == 127;
	return third == 0 && fourth == bpf_htonl(1);
}

static __always_inline bool ht_was_established(int state)
{
	return state == TCP_ESTABLISHED || state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 ||
	       state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING;
}

/*
 * Infers the side of a connection whose beginning no hook has seen. `state` is the state that the
 * socket's numbers belong to.
 *
 * A client's acknowledged bytes include its SYN, a server's do not. So the sum of acknowledged and
 * unacknowledged bytes exceeds the data sent by one on the client's side and by zero on the
 * server's. Where the excess is neither (a FIN that may still be queued, a retransmission that
 * failed), the port decides: a port that somebody listens on is a server's.
 */
static __always_inline __u8 ht_infer_side(struct sock *sk, int state)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	struct ht_listen_key key = {};

	if (state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT) {
		__u32 sent = BPF_CORE_READ(tp, bytes_sent) - BPF_CORE_READ(tp, bytes_retrans);
		__u32 acked = BPF_CORE_READ(tp, bytes_acked);
		__u32 under_way = BPF_CORE_READ(tp, snd_nxt) - BPF_CORE_READ(tp, snd_una);
		__u32 excess = acked + under_way - sent;

		if (excess == 1)
			return HT_SIDE_CLIENT;
		if (excess == 0)
			return HT_SIDE_SERVER;
	}
	key.network_namespace = ht_sock_netns(sk, HT_UNTYPED);
	key.port = ht_local_port(sk, HT_UNTYPED);
	return bpf_map_lookup_elem(&listen_ports, &key) ? HT_SIDE_SERVER : HT_SIDE_CLIENT;
}

/*
 * The hop key. Both ends compute the same pair at any time after ESTABLISHED: the byte counters
 * advance with the sequence numbers (FIN included), and only the client's counts its SYN.
 */
static __always_inline void ht_fill_hop_key(struct ht_connection *c, struct sock *sk,
					    enum ht_pointer kind)
{
	struct tcp_sock *tp = ht_tcp_sock(sk, kind);
	__u32 mine, theirs;

	if (!tp)
		return;
	mine = HT_READ(kind, tp, snd_una) - (__u32)HT_READ(kind, tp, bytes_acked);
	theirs = HT_READ(kind, tp, rcv_nxt) - (__u32)HT_READ(kind, tp, bytes_received) - 1;
	if (c->side == HT_SIDE_CLIENT) {
		c->client_isn = mine;
		c->server_isn = theirs;
	} else if (c->side == HT_SIDE_SERVER) {
		__u64 key = (__u64)sk;
		struct ht_socket_entry *entry = bpf_map_lookup_elem(&sockets, &key);

		c->client_isn = theirs;
		c->server_isn = entry && entry->simultaneous ? mine : mine - 1;
	}
}

/* In a simultaneous open both ends connect and neither is the server. Both must agree on one: it is
 * the end with the higher initial sequence number. A socket that is connected to itself is the
 * client.
 *
 * If only one of the SYNs arrives before the other end answers, that other end is an ordinary
 * client and cannot know of it: both may then be the client, and their ends are not joined. */
static __always_inline __u8 ht_side_of_simultaneous(struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__u32 mine = BPF_CORE_READ(tp, snd_una) - (__u32)BPF_CORE_READ(tp, bytes_acked);
	__u32 theirs = BPF_CORE_READ(tp, rcv_nxt) - (__u32)BPF_CORE_READ(tp, bytes_received) - 1;

	return mine > theirs ? HT_SIDE_SERVER : HT_SIDE_CLIENT;
}

/* Everything of a connection except the hop key. */
static __always_inline void ht_fill_connection(struct ht_connection *c, struct sock *sk, __u8 side,
					       enum ht_pointer kind)
{
	struct tcp_sock *tp = ht_tcp_sock(sk, kind);
	bool server = side == HT_SIDE_SERVER;
	__u16 local = ht_local_port(sk, kind);
	__u16 remote = ht_remote_port(sk, kind);

	__builtin_memset(c, 0, sizeof(*c));
	c->socket = ht_socket_id(sk);
	c->network_namespace = ht_sock_netns(sk, kind);
	c->rtt_us = tp ? HT_READ(kind, tp, srtt_us) >> 3 : 0;
	c->side = side;
	c->client_port = server ? remote : local;
	c->server_port = server ? local : remote;
	if (server) {
		ht_local_address(sk, c->server_address, kind);
		ht_remote_address(sk, c->client_address, kind);
	} else {
		ht_local_address(sk, c->client_address, kind);
		ht_remote_address(sk, c->server_address, kind);
	}
}

static __always_inline void ht_fill_listener(struct ht_connection *c, struct sock *sk,
					     enum ht_pointer kind)
{
	__builtin_memset(c, 0, sizeof(*c));
	c->socket = ht_socket_id(sk);
	c->network_namespace = ht_sock_netns(sk, kind);
	c->side = HT_SIDE_SERVER;
	c->listening = 1;
	c->server_port = HT_READ(kind, sk, __sk_common.skc_num);
	ht_local_address(sk, c->server_address, kind);
}

/* The socket's side, as observed at its beginning or else inferred. */
static __always_inline __u8 ht_side_of(struct sock *sk, int state)
{
	__u64 key = (__u64)sk;
	struct ht_socket_entry *entry = bpf_map_lookup_elem(&sockets, &key);

	if (entry && entry->side != HT_SIDE_UNKNOWN)
		return entry->side;
	return ht_infer_side(sk, state);
}

static __always_inline void ht_remember_socket(struct sock *sk, const struct ht_socket_entry *entry,
					       __u64 flags)
{
	__u64 key = (__u64)sk;
	long error = bpf_map_update_elem(&sockets, &key, entry, flags);

	if (error && flags != BPF_NOEXIST)
		ht_count_lost_entry(HT_TABLE_SOCKETS);
}

/* Data sent, each byte once. */
static __always_inline __u64 ht_bytes_sent(struct sock *sk, enum ht_pointer kind)
{
	struct tcp_sock *tp = ht_tcp_sock(sk, kind);

	return tp ? HT_READ(kind, tp, bytes_sent) - HT_READ(kind, tp, bytes_retrans) : 0;
}

/* Data received, without the FIN, which the kernel includes in its count. */
static __always_inline __u64 ht_bytes_received(struct sock *sk, enum ht_pointer kind)
{
	struct tcp_sock *tp = ht_tcp_sock(sk, kind);
	__u64 bytes = tp ? HT_READ(kind, tp, bytes_received) : 0;
	bool fin = HT_READ(kind, sk, __sk_common.skc_flags) >> SOCK_DONE & 1;

	return fin && bytes > 0 ? bytes - 1 : bytes;
}

#endif /* HOPTRAIL_BPF_LIB_SOCKET_H_ */
