/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Who accepted: one body, called from whichever hook the running kernel lets us have.
 */
#ifndef HOPTRAIL_BPF_HOOKS_ACCEPT_H_
#define HOPTRAIL_BPF_HOOKS_ACCEPT_H_

#include "bpf/lib/stream.h"

static __always_inline void ht_claim(struct sock *sk, struct ht_socket_entry *entry, bool first_use,
				     enum ht_pointer kind)
{
	enum ht_priority priority =
		ht_is_watched_port(ht_local_port(sk, kind)) ? HT_PRIORITY_CRITICAL : HT_PRIORITY_HIGH;
	struct ht_accept *record;
	int state;

	ht_identify_current(&entry->owner);
	entry->unclaimed = 0;
	/* Whoever is seen using a socket may be the child that was forked for it; only accept
	 * itself says who lets others in. */
	if (!first_use)
		ht_mark_opens_sessions(entry->owner.tgid, entry->owner.start_ns);
	record = ht_reserve_in(priority, entry->owner.cgroup_id, HT_TYPE_ACCEPT, sizeof(*record));
	if (!record)
		return;
	record->header.who = entry->owner;
	ht_fill_connection(&record->connection, sk, HT_SIDE_SERVER, kind);
	/* The state is told a moment before it is set. */
	state = HT_READ(kind, sk, __sk_common.skc_state);
	if (entry->early || state == TCP_SYN_RECV || ht_was_established(state))
		ht_fill_hop_key(&record->connection, sk, kind);
	record->first_use = first_use;
	record->handed_over = 0;
	ht_submit(HT_RING_HIGH, record);
}

/* With TCP Fast Open a connection can be accepted and used before its handshake is over. */
static __always_inline void ht_claim_early(struct sock *sk, bool first_use)
{
	struct ht_socket_entry entry = { .side = HT_SIDE_SERVER, .early = 1 };

	ht_claim(sk, &entry, first_use, HT_UNTYPED);
	ht_remember_socket(sk, &entry, BPF_ANY);
}

/* A connection that nobody held when the snapshot was taken: it waited to be accepted. */
static __always_inline void ht_claim_unseen(struct sock *sk, __u8 side, bool first_use)
{
	struct ht_socket_entry fresh = { .side = side, .unclaimed = 1 };
	__u64 key = (__u64)sk;
	struct ht_socket_entry *entry;

	/* It may have come into the table since it was looked for: its handshake was ending. Where
	 * there is no room it is not told, or each of its uses would be. */
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

/* Claims a connection that nobody has claimed. False where it is not in the table. */
static __always_inline bool ht_claim_known(struct sock *sk, bool first_use, enum ht_pointer kind)
{
	__u64 key = (__u64)sk;
	struct ht_socket_entry *entry = bpf_map_lookup_elem(&sockets, &key);

	if (entry && entry->unclaimed)
		ht_claim(sk, entry, first_use, kind);
	return entry != NULL;
}

/* accept returned this socket to the running process. */
static __always_inline int ht_on_accept(struct sock *sk, enum ht_pointer kind)
{
	int state;

	/* The common case first, typed or not; of MPTCP it is another socket's. */
	if (!sk || ht_claim_known(sk, false, kind))
		return 0;
	sk = ht_tcp_of(sk);
	if (!sk || !ht_netns_in_scope(ht_sock_netns(sk, HT_UNTYPED)) ||
	    ht_claim_known(sk, false, HT_UNTYPED))
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state == TCP_SYN_RECV)
		ht_claim_early(sk, false);
	else if (ht_was_established(state))
		ht_claim_unseen(sk, HT_SIDE_SERVER, false);
	return 0;
}

/* The first use of a connection that goes through several TCP sockets. */
static __always_inline void ht_on_mptcp_use(struct sock *sk)
{
	sk = ht_tcp_of(sk);
	if (sk && ht_netns_in_scope(ht_sock_netns(sk, HT_UNTYPED)))
		ht_claim_known(sk, true, HT_UNTYPED);
}

/* The first use of a socket that is not in the table, if it is one of TCP. It is read without a
 * helper, so only for tracepoints that hand it over with its type. */
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
	/* Before the snapshot is taken, its walk knows better whose it is. */
	if (state == TCP_SYN_RECV)
		ht_claim_early(sk, true);
	else if (ht_snapshot_walk == HT_WALK_DONE && ht_was_established(state))
		ht_claim_unseen(sk, ht_work_out_side(sk, state), true);
}

/* accept(2) and accept4(2) return: the kernel's own socket behind the new descriptor. */
static __always_inline int ht_on_accept_exit(long fd)
{
	struct sock *sk;

	if (fd < 0)
		return 0;
	sk = ht_tcp_of_file(ht_file_of_fd(ht_current(), fd));
	return sk ? ht_on_accept(sk, HT_UNTYPED) : 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_ACCEPT_H_ */
