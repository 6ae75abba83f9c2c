/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Which process accepts a connection: one body, called from the best hook that the running kernel
 * offers.
 */
#ifndef HOPTRAIL_BPF_HOOKS_ACCEPT_H_
#define HOPTRAIL_BPF_HOOKS_ACCEPT_H_

#include "bpf/lib/stream.h"

static __always_inline void ht_claim(struct sock *sk, struct ht_socket_entry *entry, bool first_use,
				     enum ht_pointer kind)
{
	enum ht_priority priority = ht_is_watched_port(ht_local_port(sk, kind))
					    ? HT_PRIORITY_CRITICAL
					    : HT_PRIORITY_HIGH;
	struct ht_accept *record;
	int state;

	ht_identify_current(&entry->owner);
	entry->unclaimed = 0;
	/* The first user of a socket may be the child that was forked for it; only accept itself
	 * shows which process opens sessions. */
	if (!first_use)
		ht_mark_opens_sessions(entry->owner.tgid, entry->owner.start_ns);
	record = ht_reserve_in(priority, entry->owner.cgroup_id, HT_TYPE_ACCEPT, sizeof(*record));
	if (!record)
		return;
	record->header.who = entry->owner;
	ht_fill_connection(&record->connection, sk, HT_SIDE_SERVER, kind);
	/* The record of ESTABLISHED comes a moment before the kernel sets the state. */
	state = HT_READ(kind, sk, __sk_common.skc_state);
	if (entry->early || state == TCP_SYN_RECV || ht_was_established(state))
		ht_fill_hop_key(&record->connection, sk, kind);
	record->first_use = first_use;
	record->handed_over = 0;
	ht_submit(HT_RING_HIGH, record);
}

/* With TCP Fast Open a connection can be accepted and used before the end of its handshake. */
static __always_inline void ht_claim_early(struct sock *sk, bool first_use)
{
	struct ht_socket_entry entry = { .side = HT_SIDE_SERVER, .early = 1 };

	ht_claim(sk, &entry, first_use, HT_UNTYPED);
	ht_remember_socket(sk, &entry, BPF_ANY);
}

/* A connection that no process held when the snapshot was taken: it was in the accept queue. */
static __always_inline void ht_claim_queued(struct sock *sk, __u8 side, bool first_use)
{
	struct ht_socket_entry fresh = { .side = side, .unclaimed = 1 };
	__u64 key = (__u64)sk;
	struct ht_socket_entry *entry;

	/* The end of its handshake may have added it since the caller's look-up. Where the table is
	 * full nothing is emitted, since otherwise each use would emit a record. */
	bpf_map_update_elem(&sockets, &key, &fresh, BPF_NOEXIST);
	entry = bpf_map_lookup_elem(&sockets, &key);
	if (!entry || !entry->unclaimed)
		return;
	if (entry->side == HT_SIDE_SERVER) {
		ht_claim(sk, entry, first_use, HT_UNTYPED);
	} else {
		ht_identify(&entry->owner, ht_current());
		entry->unclaimed = 0;
	}
}

/* Claims the connection unless another process has. False where it is not in the table. */
static __always_inline bool ht_claim_in_table(struct sock *sk, bool first_use, enum ht_pointer kind)
{
	__u64 key = (__u64)sk;
	struct ht_socket_entry *entry = bpf_map_lookup_elem(&sockets, &key);

	if (entry && entry->unclaimed)
		ht_claim(sk, entry, first_use, kind);
	return entry != NULL;
}

/* accept has returned this socket to the running process. */
static __always_inline int ht_on_accept(struct sock *sk, enum ht_pointer kind)
{
	int state;

	/* The common case first, with `sk` as it is; for MPTCP the table holds another socket. */
	if (!sk || ht_claim_in_table(sk, false, kind))
		return 0;
	sk = ht_tcp_of(sk);
	if (!sk || !ht_netns_in_scope(ht_sock_netns(sk, HT_UNTYPED)) ||
	    ht_claim_in_table(sk, false, HT_UNTYPED))
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state == TCP_SYN_RECV)
		ht_claim_early(sk, false);
	else if (ht_was_established(state))
		ht_claim_queued(sk, HT_SIDE_SERVER, false);
	return 0;
}

/* The first use of an MPTCP connection, which has several TCP sockets. */
static __always_inline void ht_on_mptcp_use(struct sock *sk)
{
	sk = ht_tcp_of(sk);
	if (sk && ht_netns_in_scope(ht_sock_netns(sk, HT_UNTYPED)))
		ht_claim_in_table(sk, true, HT_UNTYPED);
}

/* A use of a socket that is not in the table, if it is a TCP socket. Reads it by plain loads, so
 * only for tracepoints whose argument is typed. */
static __always_inline void ht_on_unknown_use(struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;
	int state;

	if (sk->sk_protocol == IPPROTO_MPTCP) {
		ht_on_mptcp_use(sk);
		return;
	}
	if ((family != AF_INET && family != AF_INET6) || sk->sk_protocol != IPPROTO_TCP ||
	    !ht_netns_in_scope(ht_sock_netns(sk, HT_TYPED)))
		return;
	state = sk->__sk_common.skc_state;
	/* Until a snapshot has walked over the connections, it knows the owner better than a use.
	 */
	if (state == TCP_SYN_RECV)
		ht_claim_early(sk, true);
	else if (ht_connections_walked && ht_was_established(state))
		ht_claim_queued(sk, ht_infer_side(sk, state), true);
}

/* accept(2) and accept4(2) return: reads the kernel's own socket behind the new descriptor. */
static __always_inline int ht_on_accept_exit(long fd)
{
	struct sock *sk;

	if (fd < 0)
		return 0;
	sk = ht_tcp_of_file(ht_file_of_fd(ht_current(), fd));
	return sk ? ht_on_accept(sk, HT_UNTYPED) : 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_ACCEPT_H_ */
