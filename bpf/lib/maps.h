/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The maps that more than one hook uses, and the constants that user space sets before it loads the
 * programs. User space also sets the sizes that are 1 here.
 */
#ifndef HOPTRAIL_BPF_LIB_MAPS_H_
#define HOPTRAIL_BPF_LIB_MAPS_H_

#include "bpf/abi/events.h"
#include "bpf/include/compat.h"

/* Only this network namespace (inode number) is watched; 0: all. */
const volatile __u32 ht_scope_netns = 0;
/* Hides kernel addresses from user space: a socket's id is its address xor this. */
const volatile __u64 ht_socket_key = 0;
/* One bit a port: records of connections to it are critical. */
const volatile __u64 ht_watched_ports[1024] = {};
/* The low ring wakes its reader when this many bytes wait. */
const volatile __u64 ht_low_wakeup_bytes = 0;
/* By ring: its size; the time in which a cgroup earns one byte once the ring fills up; and the most
 * that a cgroup can save up, as the time in which it earns that. */
const volatile __u64 ht_ring_bytes[HT_RINGS] = {};
const volatile __u64 ht_budget_byte_ns[HT_RINGS] = {};
const volatile __u64 ht_budget_burst_ns[HT_RINGS] = {};

/* enum ht_socket_walk; set by user space before it opens the iterator. */
__u32 ht_socket_walk = HT_WALK_LISTENERS;
/* Set at the end of the first walk over the connections; by user space where none can begin. */
bool ht_connections_walked = false;

/* Up to this many flows of datagrams are counted separately. */
const volatile __u32 ht_max_flows = 0;
/* Shortest time between two records of the same flow. */
const volatile __u64 ht_datagram_interval_ns = 0;
/* Shortest time between two records of connects by the same process to the same UNIX socket. */
const volatile __u64 ht_unix_interval_ns = 0;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring_high SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring_low SEC(".maps");

/* Key: CPU. The reader maps it, because it may no longer call bpf(2). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ht_losses);
} losses SEC(".maps");

#define HT_PROCESS_OPENS_SESSIONS 1u /* listens or accepts: each child gets a new session tag */

/* Holds only processes that have a session tag or a flag. */
struct ht_process_entry {
	__u64 start_ns;
	__u64 tag_start_ns;
	__u32 tag_tgid;
	__u32 flags;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32); /* tgid */
	__type(value, struct ht_process_entry);
} processes SEC(".maps");

struct ht_socket_entry {
	struct ht_identity owner; /* tgid 0: unknown */
	__u8 side;
	__u8 unclaimed;	    /* established passively, and no process has used it yet */
	__u8 early;	    /* accepted before the end of the handshake (TCP Fast Open) */
	__u8 simultaneous;  /* both ends connect: each one's acknowledged bytes include its SYN */
	__u8 handovers;	    /* number of handovers that were inferred from its use */
	__u8 emitted_state; /* of the last record: LISTEN, SYN_SENT, ESTABLISHED or CLOSE */
	__u8 reserved[2];
	__u32 user;	  /* tgid of the last process besides its owner that used it */
	__u32 emitted_at; /* ht_emission_time() of the last record, or 0 */
};

/* Every TCP connection from connect or passive ESTABLISHED to CLOSE, and every listening socket. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64); /* address of struct sock */
	__type(value, struct ht_socket_entry);
} sockets SEC(".maps");

/* User space sets it before it attaches a second program to the changes of a TCP socket's state. */
bool ht_tcp_attached_twice = false;

struct ht_listen_key {
	__u32 network_namespace;
	__u32 port;
};

/* Ports that some socket has listened on. The LRU evicts old ones. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct ht_listen_key);
	__type(value, __u8);
} listen_ports SEC(".maps");

#endif /* HOPTRAIL_BPF_LIB_MAPS_H_ */
