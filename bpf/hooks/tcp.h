/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * TCP: listen, connect, established, failed, closed. All from one tracepoint, on socket state. The
 * end of a handshake and of a connection run in whatever context the packet came in, so the owner
 * is kept with the socket from connect or accept on.
 */
#ifndef HOPTRAIL_BPF_HOOKS_TCP_H_
#define HOPTRAIL_BPF_HOOKS_TCP_H_

#include "bpf/lib/socket.h"

static __always_inline enum ht_priority ht_tcp_priority(const struct ht_identity *owner, __u16 server_port)
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

/* In units of a millisecond (2^20 ns). */
#define HT_SAME_TELLING 1024

static __always_inline __u32 ht_telling_now(void)
{
	return ht_tcp_attached_twice ? bpf_ktime_get_ns() >> 20 : 0;
}

/* Of two programs that see a change the first one to come tells it, and which that is depends on who
 * else on this host listens: perf is called once for all its programs, in the place of the first.
 * A close leaves its mark for the second one, who takes it away; or whatever has the address next
 * does. What was told longer ago is of a socket whose close nobody has seen. */
static __always_inline bool ht_is_first_to_tell(struct sock *sk, int new_state)
{
	__u64 key = (__u64)sk;
	struct ht_socket_entry *entry;

	if (!ht_tcp_attached_twice)
		return true;
	entry = bpf_map_lookup_elem(&sockets, &key);
	if (!entry || entry->told != new_state)
		return true;
	if (new_state != TCP_CLOSE)
		return ht_telling_now() - entry->told_at > HT_SAME_TELLING;
	bpf_map_delete_elem(&sockets, &key);
	return false;
}

/* Functions of their own, like those below, for the sake of the stack. */
static __noinline void ht_on_listen(struct sock *sk)
{
	struct ht_listen_key key = { .network_namespace = ht_sock_netns(sk, HT_UNTYPED) };
	struct ht_socket_entry entry = {
		.side = HT_SIDE_SERVER,
		.told = TCP_LISTEN,
		.told_at = ht_telling_now(),
	};
	struct ht_identity *owner = &entry.owner;
	__u8 address[16];
	__u8 present = 1;

	key.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	bpf_map_update_elem(&listen_ports, &key, &present, BPF_ANY);
	ht_identify(owner, ht_current());
	ht_remember_socket(sk, &entry, BPF_ANY);
	/* A forwarding that a session opens to its own host lets nobody in: the session's later
	 * children stay its own (sshd listens so for X11 and for -R). */
	ht_local_address(sk, address, HT_UNTYPED);
	if (owner->tag_tgid == 0 || !ht_is_loopback(address))
		ht_mark_opens_sessions(owner->tgid, owner->start_ns);
	ht_emit_tcp(sk, HT_TCP_LISTEN, HT_SIDE_SERVER, owner, 0, HT_UNTYPED);
}

static __always_inline void ht_on_connect_as(struct sock *sk, enum ht_pointer kind)
{
	struct ht_socket_entry entry = {
		.side = HT_SIDE_CLIENT,
		.told = TCP_SYN_SENT,
		.told_at = ht_telling_now(),
	};

	ht_identify_current(&entry.owner);
	ht_remember_socket(sk, &entry, BPF_ANY);
	ht_emit_tcp(sk, HT_TCP_CONNECT, HT_SIDE_CLIENT, &entry.owner, 0, kind);
}

/* A SYN came instead of its answer: the other end connects as well. */
static __always_inline void ht_on_crossing_syn(struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct ht_socket_entry *entry = bpf_map_lookup_elem(&sockets, &key);

	if (entry)
		entry->simultaneous = 1;
}

/* Puts a socket into the table unless it is there by now, accepted on another CPU before its
 * handshake was over: then returns that entry, which is whole. */
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
		.told = TCP_ESTABLISHED,
		.told_at = ht_telling_now(),
	};
	__u64 key = (__u64)sk;
	struct ht_socket_entry *entry = bpf_map_lookup_elem(&sockets, &key);

	/* Whatever else is known under the address of a new passive socket is long over. */
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
		entry->told_at = fresh.told_at;
		entry->told = TCP_ESTABLISHED;
	}
	/* Not what was just entered: it may be claimed on another CPU while it is copied. */
	ht_emit_tcp(sk, HT_TCP_ESTABLISHED, side, entry ? &entry->owner : &fresh.owner, 0, kind);
}

static const struct ht_socket_entry ht_closed = { .told = TCP_CLOSE };

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
		side = entry ? entry->side : ht_work_out_side(sk, old_state);
		ht_emit_tcp(sk, HT_TCP_CLOSED, side, &owner, 0, kind);
	}
	if (entry || ht_tcp_attached_twice)
		ht_forget_closed(&key);
}

static __noinline void ht_on_connect_typed(struct sock *sk)
{
	ht_on_connect_as(sk, HT_TYPED);
}

static __noinline void ht_on_connect_untyped(struct sock *sk)
{
	ht_on_connect_as(sk, HT_UNTYPED);
}

static __noinline void ht_on_established_typed(struct sock *sk, __u8 side)
{
	ht_on_established_as(sk, side, HT_TYPED);
}

static __noinline void ht_on_established_untyped(struct sock *sk, __u8 side)
{
	ht_on_established_as(sk, side, HT_UNTYPED);
}

static __noinline void ht_on_tcp_close_typed(struct sock *sk, int old_state)
{
	ht_on_tcp_close_as(sk, old_state, HT_TYPED);
}

static __noinline void ht_on_tcp_close_untyped(struct sock *sk, int old_state)
{
	ht_on_tcp_close_as(sk, old_state, HT_UNTYPED);
}

/* Half of the changes of a connection's life tell nothing: they are let go before anything is read.
 */
static __always_inline bool ht_is_told_change(int old_state, int new_state)
{
	if (old_state == new_state)
		return false;
	if (new_state == TCP_ESTABLISHED)
		return old_state == TCP_SYN_SENT || old_state == TCP_SYN_RECV;
	if (new_state == TCP_SYN_RECV)
		return old_state == TCP_SYN_SENT;
	return new_state == TCP_LISTEN || new_state == TCP_SYN_SENT || new_state == TCP_CLOSE;
}

/* Of a change that is told. */
static __always_inline int ht_on_tcp_state(struct sock *sk, int old_state, int new_state,
					   enum ht_pointer kind)
{
	__u8 side = old_state == TCP_SYN_SENT ? HT_SIDE_CLIENT : HT_SIDE_SERVER;
	bool typed = kind == HT_TYPED;

	if (!ht_is_tcp(sk, kind) || !ht_netns_in_scope(ht_sock_netns(sk, kind)) ||
	    !ht_is_first_to_tell(sk, new_state))
		return 0;
	if (new_state == TCP_LISTEN)
		ht_on_listen(sk);
	else if (new_state == TCP_SYN_SENT)
		typed ? ht_on_connect_typed(sk) : ht_on_connect_untyped(sk);
	else if (new_state == TCP_ESTABLISHED)
		typed ? ht_on_established_typed(sk, side) : ht_on_established_untyped(sk, side);
	else if (new_state == TCP_SYN_RECV)
		ht_on_crossing_syn(sk);
	else
		typed ? ht_on_tcp_close_typed(sk, old_state)
		      : ht_on_tcp_close_untyped(sk, old_state);
	return 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_TCP_H_ */
