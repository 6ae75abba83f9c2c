/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Every map, and what user space sets before loading. Sizes that are 1 here are set at load.
 */
#ifndef HOPTRAIL_BPF_LIB_MAPS_H_
#define HOPTRAIL_BPF_LIB_MAPS_H_

#include "bpf/abi/events.h"
#include "bpf/include/compat.h"

/* Only this network namespace (inode number) is watched; 0: all. */
const volatile __u32 ht_scope_netns = 0;
/* Keeps kernel addresses from user space: a socket's name is its address xor this. */
const volatile __u64 ht_socket_key = 0;
/* One bit a port: connections to it go to the high ring. */
const volatile __u64 ht_watched_ports[1024] = {};
/* The low ring wakes its reader when this many bytes wait. */
const volatile __u64 ht_low_wakeup_bytes = 0;
/* By ring: its size; once it fills up, how long a cgroup takes to earn one byte of it; and how much
 * it can save up, as the time that it takes to earn that. */
const volatile __u64 ht_ring_bytes[HT_RINGS] = {};
const volatile __u64 ht_budget_byte_ns[HT_RINGS] = {};
const volatile __u64 ht_budget_burst_ns[HT_RINGS] = {};

/* enum ht_snapshot_walk; set by user space. */
__u32 ht_snapshot_walk = HT_WALK_LISTENERS;

/* So many flows of datagrams are counted each by itself. */
const volatile __u32 ht_max_flows = 0;
/* A flow of datagrams is told again when this long has passed. */
const volatile __u64 ht_datagram_interval_ns = 0;
/* The same process's connects to the same UNIX socket are told again when this long has passed. */
const volatile __u64 ht_unix_interval_ns = 0;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring_high SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring_low SEC(".maps");

/* Key: CPU. Mapped by the reader, which may no longer call bpf(2). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ht_losses);
} losses SEC(".maps");

#define HT_PROCESS_OPENS_SESSIONS 1u /* listens or accepts: each child begins a new tag */

/* Only processes that have a session tag or a flag are here. */
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
	struct ht_identity owner; /* tgid 0: none known */
	__u8 side;
	__u8 unclaimed;	   /* established passively, and no process was seen with it yet */
	__u8 early;	   /* accepted before the handshake was over (TCP Fast Open) */
	__u8 simultaneous; /* both ends connect: each one's acknowledged bytes include its SYN */
	__u8 handovers;	   /* by use, so far */
	__u8 told;	   /* the state that was told last, of LISTEN, SYN_SENT, ESTABLISHED; CLOSE */
	__u8 reserved[2];
	__u32 user; /* the process that was last found to use it, besides its owner */
	__u32 told_at; /* when `told` was, where ht_tcp_attached_twice: see ht_telling_now */
};

/* Every TCP connection from connect or passive ESTABLISHED to CLOSE, and every listening socket. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64); /* address of struct sock */
	__type(value, struct ht_socket_entry);
} sockets SEC(".maps");

/* Set by user space before a second program sees each change of a TCP socket's state. */
bool ht_tcp_attached_twice = false;

struct ht_ended_key {
	__u64 start_ns;
	__u32 tgid;
	__u32 reserved;
};

/* Processes that ended a moment ago. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct ht_ended_key);
	__type(value, __u8);
} ended SEC(".maps");

struct ht_listen_key {
	__u32 network_namespace;
	__u32 port;
};

/* Ports that were listened on; what is not there any more falls out by age. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct ht_listen_key);
	__type(value, __u8);
} listen_ports SEC(".maps");

/* Who sends what to whom without a connection. */
struct ht_flow_key {
	__u8 peer_address[16];
	__u64 start_ns;
	__u32 tgid;
	__u32 network_namespace;
	__u16 peer_port;
	__u16 local_port; /* of a server that answers; otherwise 0 */
	__u8 protocol;
	__u8 raw;
	__u8 reserved[2];
};

struct ht_flow {
	struct ht_identity who;
	__u64 packets; /* since the flow's beginning: they only grow */
	__u64 bytes;
	__u64 told_packets; /* of these, what records have told */
	__u64 told_bytes;
	__u64 told_ns;
};

/* Full up to ht_max_flows: further flows of a process are counted together, without their peers. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct ht_flow_key);
	__type(value, struct ht_flow);
} flows SEC(".maps");

__u32 ht_flow_count = 0; /* entries of `flows` */

struct ht_due_flow {
	struct ht_flow_key key;
	__u64 since_ns;
};

/* Each flow once, the one that was told longest ago first. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__uint(key_size, 0);
	__uint(value_size, sizeof(struct ht_due_flow));
} due_flows SEC(".maps");

/* A process that connects, and what it connects to. An address in memory and a file's number are
 * given away again at once: neither names a socket alone. */
struct ht_unix_pair {
	__u64 start_ns; /* of the process that connects */
	__u64 peer;	/* address of struct unix_address, or of the socket without one */
	__u64 inode;
	__u64 name[2]; /* its last bytes, as bound */
	__u32 tgid;
	__u32 peer_tgid;
	__u32 generation; /* of the inode */
	__u32 reserved;
};

struct ht_unix_repeats {
	__u64 told_ns;
	__u32 count; /* since then */
	__u32 reserved;
};

/* Who has connected to which UNIX socket of late: some programs do it all the time. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct ht_unix_pair);
	__type(value, struct ht_unix_repeats);
} unix_pairs SEC(".maps");

/* The socket that a thread is connecting, between kprobe and kretprobe. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);   /* thread */
	__type(value, __u64); /* address of struct socket */
} unix_calls SEC(".maps");

#endif /* HOPTRAIL_BPF_LIB_MAPS_H_ */
