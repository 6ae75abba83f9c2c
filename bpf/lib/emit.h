/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Emitting a record: one reserve, one submit, one output. Every failure is counted by ring, type
 * and CPU, with separate counts for a full ring and for a spent budget.
 */
#ifndef HOPTRAIL_BPF_LIB_EMIT_H_
#define HOPTRAIL_BPF_LIB_EMIT_H_

#include "bpf/lib/budget.h"

/*
 * While a tracing program is preempted, the kernel skips it for every other task that reaches its
 * hook on the same CPU, and from 6.13 on kernels may be preempted everywhere. From 6.10 on a
 * program can disable preemption until just before its end. docs/decisions/0010-recursion-misses.md
 * says which misses remain.
 */
extern void bpf_preempt_disable(void) __weak __ksym;
extern void bpf_preempt_enable(void) __weak __ksym;

#define HT_NO_PREEMPT(run)                                                                         \
	({                                                                                         \
		int ht_result;                                                                     \
                                                                                                   \
		if (bpf_preempt_disable)                                                           \
			bpf_preempt_disable();                                                     \
		ht_result = (run);                                                                 \
		if (bpf_preempt_disable)                                                           \
			bpf_preempt_enable();                                                      \
		ht_result;                                                                         \
	})

/* The shortest time between two wake-ups of a ring's reader: a wake-up costs more than everything
 * else that is done for a record. A reader that holds records comes back by itself, after longer
 * than this, and finds the records that were written without a wake-up. */
#define HT_WAKEUP_EVERY_NS 4000000ULL

__u64 ht_next_wakeup_ns[HT_RINGS] = {};

static __always_inline struct ht_losses *ht_losses_here(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&losses, &cpu);
}

static __always_inline void ht_count_lost_record(__u32 ring, __u32 type)
{
	struct ht_losses *mine = ht_losses_here();

	if (mine && ring < HT_RINGS && type < HT_TYPES)
		__sync_fetch_and_add(&mine->records[ring][type], 1);
}

static __always_inline void ht_count_refused_record(__u32 ring, __u32 type)
{
	struct ht_losses *mine = ht_losses_here();

	if (mine && ring < HT_RINGS && type < HT_TYPES)
		__sync_fetch_and_add(&mine->refused[ring][type], 1);
}

static __always_inline void ht_count_lost_entry(enum ht_table table)
{
	struct ht_losses *mine = ht_losses_here();

	if (mine)
		__sync_fetch_and_add(&mine->entries[table], 1);
}

/* High records wake the reader soon, low ones when many wait (the reader also polls). */
static __always_inline __u64 ht_wakeup(enum ht_ring ring, __u64 waiting, __u64 now_ns)
{
	if (ring == HT_RING_LOW && waiting < ht_low_wakeup_bytes)
		return BPF_RB_NO_WAKEUP;
	if (now_ns < ht_next_wakeup_ns[ring])
		return BPF_RB_NO_WAKEUP;
	ht_next_wakeup_ns[ring] = now_ns + HT_WAKEUP_EVERY_NS;
	return BPF_RB_FORCE_WAKEUP;
}

/* Everything of the header but the process. */
static __always_inline void ht_start_record_at(struct ht_header *header, __u32 type, __u32 size,
					       __u64 now_ns)
{
	header->size = size;
	header->type = type;
	header->reserved = 0;
	header->cpu = bpf_get_smp_processor_id();
	header->reserved2 = 0;
	header->boot_ns = now_ns;
}

static __always_inline void ht_start_record(struct ht_header *header, __u32 type, __u32 size)
{
	ht_start_record_at(header, type, size, bpf_ktime_get_boot_ns());
}

/*
 * Reserves a record of constant size in a priority class, on the budget of `cgroup`. NULL where
 * that fails; the loss is counted then. Decides whether to wake the reader and leaves the flag in
 * `reserved2` for ht_submit.
 */
static __always_inline void *ht_reserve_in(enum ht_priority priority, __u64 cgroup, __u32 type,
					   __u32 size)
{
	enum ht_ring ring = ht_ring_of(priority);
	__u64 waiting = ht_waiting(priority);
	__u64 now_ns = bpf_ktime_get_boot_ns();
	struct ht_header *header;

	if (!ht_admit(priority, cgroup, size, waiting, now_ns)) {
		ht_count_refused_record(ring, type);
		return NULL;
	}
	if (ring == HT_RING_HIGH)
		header = bpf_ringbuf_reserve(&ring_high, size, 0);
	else
		header = bpf_ringbuf_reserve(&ring_low, size, 0);
	if (!header) {
		ht_count_lost_record(ring, type);
		return NULL;
	}
	ht_start_record_at(header, type, size, now_ns);
	header->reserved2 = ht_wakeup(ring, waiting, now_ns);
	return header;
}

/* The same on the budget of the running task, in the priority class of the type. */
static __always_inline void *ht_reserve(enum ht_ring ring, __u32 type, __u32 size)
{
	return ht_reserve_in(ht_priority_of(ring, type), bpf_get_current_cgroup_id(), type, size);
}

static __always_inline void ht_submit(enum ht_ring ring, void *record)
{
	struct ht_header *header = record;
	__u64 flags = header->reserved2;

	header->reserved2 = 0;
	bpf_ringbuf_submit(record, flags);
}

/* Emits a record of varying size, built elsewhere, on the budget of the record's process. */
static __always_inline void ht_output(enum ht_ring ring, __u32 type, void *record, __u32 size)
{
	const struct ht_header *header = record;
	enum ht_priority priority = ht_priority_of(ring, type);
	__u64 waiting = ht_waiting(priority);
	__u64 now_ns = header->boot_ns;
	__u64 flags;
	long error;

	if (!ht_admit(priority, header->who.cgroup_id, size, waiting, now_ns)) {
		ht_count_refused_record(ring, type);
		return;
	}
	flags = ht_wakeup(ring, waiting, now_ns);
	if (ring == HT_RING_HIGH)
		error = bpf_ringbuf_output(&ring_high, record, size, flags);
	else
		error = bpf_ringbuf_output(&ring_low, record, size, flags);
	if (error)
		ht_count_lost_record(ring, type);
}

#endif /* HOPTRAIL_BPF_LIB_EMIT_H_ */
