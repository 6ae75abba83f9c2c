/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Decides which records may still be written to a ring that fills up. Each record has a priority
 * class. Below the class's mark everybody may write, so that one busy cgroup can use an idle ring
 * whole. Above the mark each cgroup has a budget of bytes a second, which shrinks to nothing
 * towards the class's limit: a quiet cgroup can write up to the limit, one that floods cannot. The
 * upper quarter of the high ring is reserved for critical records (authentication, tampering,
 * accept and TCP of watched ports), so that neither a flood of forks in a login nor a scan
 * displaces them.
 */
#ifndef HOPTRAIL_BPF_LIB_BUDGET_H_
#define HOPTRAIL_BPF_LIB_BUDGET_H_

#include "bpf/lib/maps.h"

enum ht_priority {
	HT_PRIORITY_LOW = 0,
	HT_PRIORITY_HIGH = 1,
	HT_PRIORITY_CRITICAL = 2,
	HT_PRIORITIES = 3
};

/* The cgroup of a record whose process is unknown. */
#define HT_NO_CGROUP (~0ULL)

/* A cgroup's token bucket for each priority class: the boot time when it has earned all that it has
 * written. Without locks: a race admits one record too many. */
struct ht_budget {
	__u64 due_ns[HT_PRIORITIES];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64); /* cgroup id */
	__type(value, struct ht_budget);
} budgets SEC(".maps");

static __always_inline enum ht_ring ht_ring_of(enum ht_priority priority)
{
	return priority == HT_PRIORITY_LOW ? HT_RING_LOW : HT_RING_HIGH;
}

static __always_inline enum ht_priority ht_priority_of(enum ht_ring ring, __u32 type)
{
	if (ring != HT_RING_HIGH)
		return HT_PRIORITY_LOW;
	return type == HT_TYPE_TAMPERING ? HT_PRIORITY_CRITICAL : HT_PRIORITY_HIGH;
}

/* In quarters of the ring. The budgets of a priority class apply in the quarter above its mark. */
static __always_inline __u64 ht_priority_mark(enum ht_priority priority)
{
	return priority == HT_PRIORITY_HIGH ? 2 : 3;
}

/* Bytes in the priority class's ring that the reader has not consumed yet. */
static __always_inline __u64 ht_waiting(enum ht_priority priority)
{
	if (priority == HT_PRIORITY_LOW)
		return bpf_ringbuf_query(&ring_low, BPF_RB_AVAIL_DATA);
	return bpf_ringbuf_query(&ring_high, BPF_RB_AVAIL_DATA);
}

/* Takes the record's cost out of the cgroup's budget; false where the budget does not cover it.
 * The budget's burst is scaled by share / whole. */
static __always_inline bool ht_spend(enum ht_priority priority, __u64 cgroup, __u32 size,
				     __u64 now_ns, __u64 share, __u64 whole)
{
	enum ht_ring ring = ht_ring_of(priority);
	__u64 cost_ns = size * ht_budget_byte_ns[ring];
	struct ht_budget *budget = bpf_map_lookup_elem(&budgets, &cgroup);
	struct ht_budget fresh = {};
	__u64 due_ns = budget ? budget->due_ns[priority] : 0;

	if (due_ns < now_ns)
		due_ns = now_ns;
	due_ns += cost_ns;
	if (due_ns - now_ns > ht_budget_burst_ns[ring] * share / whole)
		return false;
	if (budget) {
		budget->due_ns[priority] = due_ns;
	} else {
		fresh.due_ns[priority] = due_ns;
		bpf_map_update_elem(&budgets, &cgroup, &fresh, BPF_ANY);
	}
	return true;
}

/* Whether a record of `size` bytes may be written while `waiting` bytes are in the ring. True at
 * the end of a ring, where the ring itself refuses the record: that is not a loss by the budget. */
static __always_inline bool ht_admit(enum ht_priority priority, __u64 cgroup, __u32 size,
				     __u64 waiting, __u64 now_ns)
{
	__u64 quarter = ht_ring_bytes[ht_ring_of(priority)] / 4;
	__u64 mark = quarter * ht_priority_mark(priority);
	__u64 end = mark + quarter;

	if (waiting < mark)
		return true;
	if (waiting + size > end)
		return priority != HT_PRIORITY_HIGH;
	return ht_spend(priority, cgroup, size, now_ns, end - waiting, quarter + 1);
}

#endif /* HOPTRAIL_BPF_LIB_BUDGET_H_ */
