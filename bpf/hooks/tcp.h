/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * TCP: listen, connect, established, failed, closed, all from the tracepoint of a socket's state.
 * The end of a handshake and of a connection run in the context in which the packet has arrived, so
 * the owner is kept with the socket from connect or accept on.
 */
#ifndef HOPTRAIL_BPF_HOOKS_TCP_H_
#define HOPTRAIL_BPF_HOOKS_TCP_H_

#include "bpf/lib/socket.h"

static __always_inline enum ht_priority ht_tcp_priority(const struct ht_identity *owner,
							__u16 server_port)
{
	if (ht_is_watched_port(server_port))
		return HT_PRIORITY_CRITICAL;
	return ht_in_login(owner) ? HT_PRIORITY_HIGH : HT_PRIORITY_LOW;
}

static __always_inline void ht_emit_tcp(struct sock *sk, __u8 phase, __u8 side,
					const struct ht_identity *owner, int error,
					enum ht_pointer kind)
{
	enum ht_priority priority;
	struct ht_tcp *record;
	__u16 server_port;

	server_port = side == HT_SIDE_SERVER ? ht_local_port(sk, kind) : ht_remote_port(sk, kind);
	priority = ht_tcp_priority(owner, server_port);
	record = ht_reserve_in(priority, owner->tgid ? owner->cgroup_id : HT_NO_CGROUP, HT_TYPE_TCP,
			       sizeof(*record));
	if (!record)
		return;
	record->header.who = *owner;
	if (phase == HT_TCP_LISTEN)
		ht_fill_listener(&record->connection, sk, kind);
	else
		ht_fill_connection(&record->connection, sk, side, kind);
	if (phase == HT_TCP_ESTABLISHED || phase == HT_TCP_CLOSED)
		ht_fill_hop_key(&record->connection, sk, kind);
	if (owner->tgid == 0) {
		record->header.who.login_uid = HT_NO_LOGIN;
		record->header.who.audit_session = HT_NO_LOGIN;
		record->header.who.network_namespace = record->connection.network_namespace;
	}
	record->bytes_sent = phase == HT_TCP_CLOSED ? ht_bytes_sent(sk, kind) : 0;
	record->bytes_received = phase == HT_TCP_CLOSED ? ht_bytes_received(sk, kind) : 0;
	record->error = error;
	record->phase = phase;
	record->reserved[0] = record->reserved[1] = record->reserved[2] = 0;
	ht_submit(ht_ring_of(priority), record);
}

/* Two programs that see the same change run within this time of each other, in units of 2^20 ns
 * (about a millisecond). */
#define HT_SAME_EMISSION 1024

/* In the same unit. */
static __always_inline __u32 ht_emission_time(void)
{
	return ht_tcp_attached_twice ? bpf_ktime_get_ns() >> 20 : 0;
}

/* Where two programs see a change, the first to run emits it. Either can be first: perf runs all
 * its programs in the place of its first listener on the tracepoint, which may be another tool's.
 * After a close the entry stays as a mark for the second program, which deletes it; or the next
 * socket at the address overwrites it. A state that was emitted longer ago is of an earlier socket
 * at this address, whose close no program has seen. */
static __always_inline bool ht_is_first_to_see(struct sock *sk, int new_state)
{
	__u64 key = (__u64)sk;
	struct ht_socket_entry *entry;

	if (!ht_tcp_attached_twice)
		return true;
	entry = bpf_map_lookup_elem(&sockets, &key);
	if (!entry || entry->emitted_state != new_state)
		return true;
	if (new_state != TCP_CLOSE)
		return ht_emission_time() - entry->emitted_at > HT_SAME_EMISSION;
	bpf_map_delete_elem(&sockets, &key);
	return false;
}

/* Not inlined, to save stack. */
static __noinline void ht_on_listen(struct sock *sk)
{
	struct ht_listen_key key = { .network_namespace = ht_sock_netns(sk, HT_UNTYPED) };
	struct ht_socket_entry entry = {
		.side = HT_SIDE_SERVER,
		.emitted_state = TCP_LISTEN,
		.emitted_at = ht_emission_time(),
	};
	struct ht_identity *owner = &entry.owner;
	__u8 address[16];
	__u8 present = 1;

	key.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	bpf_map_update_elem(&listen_ports, &key, &present, BPF_ANY);
	ht_identify(owner, ht_current());
	ht_remember_socket(sk, &entry, BPF_ANY);
	/* A session that listens on loopback opens no sessions, so its later children keep its tag
	 * (sshd listens there for X11 and for -R). */
	ht_local_address(sk, address, HT_UNTYPED);
	if (owner->tag_tgid == 0 || !ht_is_loopback(address))
		ht_mark_opens_sessions(owner->tgid, owner->start_ns);
	ht_emit_tcp(sk, HT_TCP_LISTEN, HT_SIDE_SERVER, owner, 0, HT_UNTYPED);
}

static __always_inline void ht_on_connect_as(struct sock *sk, enum ht_pointer kind)
{
	struct ht_socket_entry entry = {
		.side = HT_SIDE_CLIENT,
		.emitted_state = TCP_SYN_SENT,
		.emitted_at = ht_emission_time(),
	};

	ht_identify_current(&entry.owner);
	ht_remember_socket(sk, &entry, BPF_ANY);
	ht_emit_tcp(sk, HT_TCP_CONNECT, HT_SIDE_CLIENT, &entry.owner, 0, kind);
}

HT_BY_KIND_1(void, ht_on_connect, struct sock *, sk)

/* A SYN has come in place of a SYN-ACK: the other end connects as well. */
static __always_inline void ht_on_crossing_syn(struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct ht_socket_entry *entry = bpf_map_lookup_elem(&sockets, &key);

	if (entry)
		entry->simultaneous = 1;
}

/* Adds a socket to the table. If another CPU has added it meanwhile (accepted before the end of its
 * handshake), returns that entry, which is complete. */
static __always_inline struct ht_socket_entry *ht_enter_socket(const __u64 *key,
							       const struct ht_socket_entry *fresh)
{
	struct ht_socket_entry *entry;

	if ((int)bpf_map_update_elem(&sockets, key, fresh, BPF_NOEXIST) == 0)
		return NULL;
	entry = bpf_map_lookup_elem(&sockets, key);
	if (!entry)
		ht_count_lost_entry(HT_TABLE_SOCKETS);
	return entry;
}

static __always_inline void ht_on_established_as(struct sock *sk, __u8 side, enum ht_pointer kind)
{
	struct ht_socket_entry fresh = {
		.side = side,
		.unclaimed = side == HT_SIDE_SERVER,
		.emitted_state = TCP_ESTABLISHED,
		.emitted_at = ht_emission_time(),
	};
	__u64 key = (__u64)sk;
	struct ht_socket_entry *entry = bpf_map_lookup_elem(&sockets, &key);

	/* Any other entry at the address of a new passive socket is of an earlier socket. */
	if (entry && side == HT_SIDE_SERVER && !entry->simultaneous && !entry->early) {
		*entry = fresh;
		entry = NULL;
	} else if (entry && entry->simultaneous) {
		side = ht_side_of_simultaneous(sk);
		entry->side = side;
	} else if (!entry) {
		entry = ht_enter_socket(&key, &fresh);
	}
	if (entry) {
		entry->emitted_at = fresh.emitted_at;
		entry->emitted_state = TCP_ESTABLISHED;
	}
	/* Not the entry that was just added: another CPU may claim it while it is copied. */
	ht_emit_tcp(sk, HT_TCP_ESTABLISHED, side, entry ? &entry->owner : &fresh.owner, 0, kind);
}

HT_BY_KIND_2(void, ht_on_established, struct sock *, sk, __u8, side)

static const struct ht_socket_entry ht_closed = { .emitted_state = TCP_CLOSE };

static __always_inline void ht_forget_closed(const __u64 *key)
{
	if (ht_tcp_attached_twice)
		bpf_map_update_elem(&sockets, key, &ht_closed, BPF_ANY);
	else
		bpf_map_delete_elem(&sockets, key);
}

static __always_inline void ht_on_tcp_close_as(struct sock *sk, int old_state, enum ht_pointer kind)
{
	__u64 key = (__u64)sk;
	struct ht_socket_entry *entry = bpf_map_lookup_elem(&sockets, &key);
	struct ht_identity owner = {};
	__u8 side;

	if (entry)
		owner = entry->owner;
	if (old_state == TCP_SYN_SENT ||
	    (old_state == TCP_SYN_RECV && entry && entry->simultaneous)) {
		ht_emit_tcp(sk, HT_TCP_FAILED, HT_SIDE_CLIENT, &owner, HT_READ(kind, sk, sk_err),
			    kind);
	} else if (ht_was_established(old_state) || (entry && entry->early)) {
		side = entry ? entry->side : ht_infer_side(sk, old_state);
		ht_emit_tcp(sk, HT_TCP_CLOSED, side, &owner, 0, kind);
	}
	if (entry || ht_tcp_attached_twice)
		ht_forget_closed(&key);
}

HT_BY_KIND_2(void, ht_on_tcp_close, struct sock *, sk, int, old_state)

/* Half of the state changes of a connection emit nothing: for them nothing is read. */
static __always_inline bool ht_is_change_of_interest(int old_state, int new_state)
{
	if (old_state == new_state)
		return false;
	if (new_state == TCP_ESTABLISHED)
		return old_state == TCP_SYN_SENT || old_state == TCP_SYN_RECV;
	if (new_state == TCP_SYN_RECV)
		return old_state == TCP_SYN_SENT;
	return new_state == TCP_LISTEN || new_state == TCP_SYN_SENT || new_state == TCP_CLOSE;
}

/* For changes of interest only. */
static __always_inline int ht_on_tcp_state(struct sock *sk, int old_state, int new_state,
					   enum ht_pointer kind)
{
	__u8 side = old_state == TCP_SYN_SENT ? HT_SIDE_CLIENT : HT_SIDE_SERVER;

	if (!ht_is_tcp(sk, kind) || !ht_netns_in_scope(ht_sock_netns(sk, kind)) ||
	    !ht_is_first_to_see(sk, new_state))
		return 0;
	if (new_state == TCP_LISTEN)
		ht_on_listen(sk);
	else if (new_state == TCP_SYN_SENT)
		ht_on_connect(sk, kind);
	else if (new_state == TCP_ESTABLISHED)
		ht_on_established(sk, side, kind);
	else if (new_state == TCP_SYN_RECV)
		ht_on_crossing_syn(sk);
	else
		ht_on_tcp_close(sk, old_state, kind);
	return 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_TCP_H_ */
