/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The table of flows: counting, and telling what was counted. Nobody outside the kernel may be
 * allowed to read the table, so what is due is told by whoever passes by: a send that begins a flow
 * or finds its own due, and every thread of the host that ends.
 *
 * Each flow stands in the queue once. Taken out of it, it is told and put back; or, if it was idle
 * since it was last told, forgotten. What the ring has no room for stays counted in the table.
 */
#ifndef HOPTRAIL_BPF_LIB_FLOW_H_
#define HOPTRAIL_BPF_LIB_FLOW_H_

#include "bpf/lib/socket.h"

#define HT_DUE_FLOWS_AT_ONCE 8

/* False if there is no room in the ring, or the cgroup's budget does not cover it. */
static __always_inline bool ht_tell_flow(const struct ht_flow_key *key, struct ht_flow *flow)
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
	record->packets = packets - flow->told_packets;
	record->bytes = bytes - flow->told_bytes;
	__builtin_memcpy(record->peer_address, key->peer_address, 16);
	record->network_namespace = key->network_namespace;
	record->peer_port = key->peer_port;
	record->local_port = key->local_port;
	record->protocol = key->protocol;
	record->raw = key->raw;
	record->first = flow->told_packets == 0;
	__builtin_memset(record->reserved, 0, sizeof(record->reserved));
	flow->told_packets = packets;
	flow->told_bytes = bytes;
	ht_submit(HT_RING_LOW, record);
	return true;
}

/* A function of its own, like the next, for the sake of the stack and of the programs' size. */
static __noinline void ht_tell_due_flows(__u64 now)
{
	struct ht_due_flow due;
	struct ht_flow *flow;

#pragma clang loop unroll(disable)
	for (int i = 0; i < HT_DUE_FLOWS_AT_ONCE; i++) {
		if (bpf_map_peek_elem(&due_flows, &due))
			return;
		/* In the future: put there by another CPU since `now`. */
		if ((__s64)(now - due.since_ns) < (__s64)ht_datagram_interval_ns)
			return;
		/* Another CPU may have taken that one meanwhile; then the next is early. */
		if (bpf_map_pop_elem(&due_flows, &due))
			return;
		flow = bpf_map_lookup_elem(&flows, &due.key);
		if (!flow)
			continue;
		if (flow->packets == flow->told_packets) {
			if (!bpf_map_delete_elem(&flows, &due.key))
				__sync_fetch_and_sub(&ht_flow_count, 1);
			continue;
		}
		ht_tell_flow(&due.key, flow);
		flow->told_ns = now;
		due.since_ns = now;
		bpf_map_push_elem(&due_flows, &due, BPF_ANY);
	}
}

static __always_inline void ht_add_to_flow(struct ht_flow *flow, __u64 bytes)
{
	__sync_fetch_and_add(&flow->bytes, bytes);
	__sync_fetch_and_add(&flow->packets, 1);
}

/* 1: the flow is new; 0: it has been there; negative: there is no room. */
static __noinline int ht_begin_flow(const struct ht_flow_key *key, __u64 now)
{
	struct ht_due_flow due = { .since_ns = now };
	struct ht_flow fresh = { .told_ns = now };
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
		if (now - flow->told_ns >= ht_datagram_interval_ns)
			ht_tell_due_flows(now);
		return;
	}
	ht_tell_due_flows(now);
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
		ht_tell_flow(key, flow);
}

#endif /* HOPTRAIL_BPF_LIB_FLOW_H_ */
