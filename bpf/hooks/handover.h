/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * A socket that one process hands to another (SCM_RIGHTS, pidfd_getfd): the other process owns it
 * from then on. Observed when that process receives the socket, or else when it first uses it.
 */
#ifndef HOPTRAIL_BPF_HOOKS_HANDOVER_H_
#define HOPTRAIL_BPF_HOOKS_HANDOVER_H_

#include "bpf/hooks/accept.h"
#include "bpf/hooks/tcp.h"
#include "bpf/lib/stream.h"

/* The most records for one socket that several processes use in turn. */
#define HT_HANDOVERS_BY_USE 8

static __always_inline void ht_hand_over(struct sock *sk, struct ht_socket_entry *entry,
					 const struct ht_identity *who)
{
	struct ht_accept *record;

	entry->owner = *who;
	entry->unclaimed = 0;
	record = ht_reserve(HT_RING_HIGH, HT_TYPE_ACCEPT, sizeof(*record));
	if (!record)
		return;
	record->header.who = *who;
	ht_fill_connection(&record->connection, sk, entry->side, HT_UNTYPED);
	if (entry->early || ht_was_established(BPF_CORE_READ(sk, __sk_common.skc_state)))
		ht_fill_hop_key(&record->connection, sk, HT_UNTYPED);
	record->first_use = 0;
	record->handed_over = 1;
	ht_submit(HT_RING_HIGH, record);
}

/* The running process receives an open file from another process. */
static __always_inline int ht_on_file_received(struct file *file)
{
	struct sock *sk = ht_tcp_of_file(file);
	__u64 key = (__u64)sk;
	struct ht_socket_entry *entry;
	struct ht_identity who;

	if (!sk || !ht_netns_in_scope(ht_sock_netns(sk, HT_UNTYPED)))
		return 0;
	/* A process that holds a listening socket opens sessions, as if it had called listen. */
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN) {
		ht_on_listen(sk);
		return 0;
	}
	entry = bpf_map_lookup_elem(&sockets, &key);
	if (!entry)
		return 0;
	ht_identify_current(&who);
	if (who.tgid == entry->owner.tgid && who.start_ns == entry->owner.start_ns)
		return 0;
	ht_hand_over(sk, entry, &who);
	return 0;
}

/* Parent and child, or processes of the same session: using each other's sockets is no handover. */
static __always_inline bool ht_are_related(const struct ht_identity *one,
					   const struct ht_identity *other)
{
	if (one->tag_tgid != 0 && one->tag_tgid == other->tag_tgid &&
	    one->tag_start_ns == other->tag_start_ns)
		return true;
	return one->parent_tgid == other->tgid || other->parent_tgid == one->tgid;
}

/* A use of a socket that has an owner: costs a comparison, unless the user is new. */
static __always_inline void ht_on_owned_use(struct sock *sk, struct ht_socket_entry *entry)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct ht_identity who;

	if (entry->owner.tgid == 0 || entry->owner.tgid == tgid || entry->user == tgid)
		return;
	entry->user = tgid;
	ht_identify_current(&who);
	if (who.tgid == entry->owner.tgid || ht_are_related(&who, &entry->owner) ||
	    entry->handovers >= HT_HANDOVERS_BY_USE)
		return;
	entry->handovers++;
	ht_hand_over(sk, entry, &who);
}

/* Set by user space where no better hook shows accepts, or handovers. */
const volatile bool ht_accept_by_use = false;
const volatile bool ht_handover_by_use = false;

/* Any send or receive on any socket of the host: mostly one look-up for TCP, none for others. */
static __always_inline int ht_on_socket_use(struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct ht_socket_entry *entry;

	if (sk->sk_protocol != IPPROTO_TCP && sk->sk_protocol != IPPROTO_MPTCP)
		return 0;
	entry = bpf_map_lookup_elem(&sockets, &key);
	if (!entry) {
		if (ht_accept_by_use)
			ht_on_unknown_use(sk);
	} else if (entry->unclaimed) {
		if (ht_accept_by_use)
			ht_claim(sk, entry, true, HT_TYPED);
	} else if (ht_handover_by_use) {
		ht_on_owned_use(sk, entry);
	}
	return 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_HANDOVER_H_ */
