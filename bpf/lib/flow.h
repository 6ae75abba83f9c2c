/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The table of flows: counts datagrams and emits the counts. User space may lack the right to read
 * the table, so the kernel side emits due flows itself: in a send that begins a flow or finds its
 * own flow due, and whenever a thread of the host ends.
 *
 * Each flow is in the queue once. A flow that is taken out of the queue is emitted and put back, or
 * deleted where it was idle since its last record. A count that the ring does not accept stays in
 * the table for the next record.
 */
#ifndef HOPTRAIL_BPF_LIB_FLOW_H_
#define HOPTRAIL_BPF_LIB_FLOW_H_

#include "bpf/lib/socket.h"

#define HT_DUE_FLOWS_AT_ONCE 8

/* The datagrams of one process to one peer. */
struct ht_flow_key {
	__u8 peer_address[16];
	__u64 start_ns;
	__u32 tgid;
	__u32 network_namespace;
	__u16 peer_port;
	__u16 local_port; /* of a server's answers; otherwise 0 */
	__u8 protocol;
	__u8 raw;
	__u8 reserved[2];
};

struct ht_flow {
	struct ht_identity who;
	__u64 packets; /* since the flow's beginning, as is `bytes` */
	__u64 bytes;
	__u64 emitted_packets; /* the part of `packets` that records have reported */
	__u64 emitted_bytes;
	__u64 emitted_ns;
};

/* Once it holds ht_max_flows, further flows of a process are counted together, without a peer. */
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

/* Each flow once, the one whose last record is oldest first. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__uint(key_size, 0);
	__uint(value_size, sizeof(struct ht_due_flow));
} due_flows SEC(".maps");

/* False if the ring is full or the cgroup's budget does not cover the record. */
static __always_inline bool ht_emit_flow(const struct ht_flow_key *key, struct ht_flow *flow)
{
	__u64 packets = flow->packets;
	__u64 bytes = flow->bytes;
	__u64 waiting = ht_waiting(HT_PRIORITY_LOW);
	__u64 now_ns = bpf_ktime_get_boot_ns();
	struct ht_datagram_flow *record;

	if (!ht_admit(HT_PRIORITY_LOW, flow->who.cgroup_id, sizeof(*record), waiting, now_ns))
		return false;
	record = bpf_ringbuf_reserve(&ring_low, sizeof(*record), 0);
	if (!record)
		return false;
	ht_start_record_at(&record->header, HT_TYPE_DATAGRAM_FLOW, sizeof(*record), now_ns);
	record->header.reserved2 = ht_wakeup(HT_RING_LOW, waiting, now_ns);
	record->header.who = flow->who;
	record->packets = packets - flow->emitted_packets;
	record->bytes = bytes - flow->emitted_bytes;
	__builtin_memcpy(record->peer_address, key->peer_address, 16);
	record->network_namespace = key->network_namespace;
	record->peer_port = key->peer_port;
	record->local_port = key->local_port;
	record->protocol = key->protocol;
	record->raw = key->raw;
	record->first = flow->emitted_packets == 0;
	__builtin_memset(record->reserved, 0, sizeof(record->reserved));
	flow->emitted_packets = packets;
	flow->emitted_bytes = bytes;
	ht_submit(HT_RING_LOW, record);
	return true;
}

/* Not inlined, like ht_begin_flow, to save stack and program size. */
static __noinline void ht_emit_due_flows(__u64 now)
{
	struct ht_due_flow due;
	struct ht_flow *flow;

#pragma clang loop unroll(disable)
	for (int i = 0; i < HT_DUE_FLOWS_AT_ONCE; i++) {
		if (bpf_map_peek_elem(&due_flows, &due))
			return;
		/* A difference below 0: another CPU has put it there after `now`. */
		if ((__s64)(now - due.since_ns) < (__s64)ht_datagram_interval_ns)
			return;
		/* If another CPU has taken that one meanwhile, this takes the next one early. */
		if (bpf_map_pop_elem(&due_flows, &due))
			return;
		flow = bpf_map_lookup_elem(&flows, &due.key);
		if (!flow)
			continue;
		if (flow->packets == flow->emitted_packets) {
			if (!bpf_map_delete_elem(&flows, &due.key))
				__sync_fetch_and_sub(&ht_flow_count, 1);
			continue;
		}
		ht_emit_flow(&due.key, flow);
		flow->emitted_ns = now;
		due.since_ns = now;
		bpf_map_push_elem(&due_flows, &due, BPF_ANY);
	}
}

static __always_inline void ht_add_to_flow(struct ht_flow *flow, __u64 bytes)
{
	__sync_fetch_and_add(&flow->bytes, bytes);
	__sync_fetch_and_add(&flow->packets, 1);
}

/* 1: the flow is new; 0: the table has it already; negative: the table is full. */
static __noinline int ht_begin_flow(const struct ht_flow_key *key, __u64 now)
{
	struct ht_due_flow due = { .since_ns = now };
	struct ht_flow fresh = { .emitted_ns = now };
	int error; /* before 6.4 only the lower half of what is returned is set */

	if (!key)
		return -1;
	ht_identify(&fresh.who, ht_current());
	error = bpf_map_update_elem(&flows, key, &fresh, BPF_NOEXIST);
	if (error == -EEXIST)
		return 0;
	if (error)
		return -1;
	__sync_fetch_and_add(&ht_flow_count, 1);
	__builtin_memcpy(&due.key, key, sizeof(*key));
	bpf_map_push_elem(&due_flows, &due, BPF_ANY);
	return 1;
}

/* One datagram of the running process. */
static __always_inline void ht_count_send(struct ht_flow_key *key, __u64 bytes)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct ht_flow *flow = bpf_map_lookup_elem(&flows, key);
	int begun = -1;

	if (flow) {
		ht_add_to_flow(flow, bytes);
		if (now - flow->emitted_ns >= ht_datagram_interval_ns)
			ht_emit_due_flows(now);
		return;
	}
	ht_emit_due_flows(now);
	if (ht_flow_count < ht_max_flows)
		begun = ht_begin_flow(key, now);
	if (begun < 0) {
		__builtin_memset(key->peer_address, 0, sizeof(key->peer_address));
		key->peer_port = 0;
		key->local_port = 0;
		begun = ht_begin_flow(key, now);
	}
	flow = bpf_map_lookup_elem(&flows, key);
	if (!flow) {
		ht_count_lost_record(HT_RING_LOW, HT_TYPE_DATAGRAM_FLOW);
		return;
	}
	ht_add_to_flow(flow, bytes);
	if (begun > 0)
		ht_emit_flow(key, flow);
}

#endif /* HOPTRAIL_BPF_LIB_FLOW_H_ */
