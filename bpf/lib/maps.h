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

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring_high SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring_low SEC(".maps");

/* Key: processor. Mapped by the reader, which may no longer call bpf(2). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ht_losses);
} losses SEC(".maps");

#define HT_PROCESS_OPENS_SESSIONS 1u /* listens or accepts: each child begins a new label */

/* Only processes that have a label or a flag are here. */
struct ht_process_entry {
	__u64 start_ns;
	__u64 label_start_ns;
	__u32 label_tgid;
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
	__u8 reserved[3];
	__u32 user; /* the process that was last found to use it, besides its owner */
	__u32 reserved2;
};

/* Every TCP connection from connect or passive ESTABLISHED to CLOSE. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64); /* address of struct sock */
	__type(value, struct ht_socket_entry);
} sockets SEC(".maps");

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

#endif /* HOPTRAIL_BPF_LIB_MAPS_H_ */
