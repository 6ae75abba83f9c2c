/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * How a record gets out: one reserve, one submit, one output, and every failure counted by ring,
 * type and processor.
 */
#ifndef HOPTRAIL_BPF_LIB_EMIT_H_
#define HOPTRAIL_BPF_LIB_EMIT_H_

#include "bpf/lib/maps.h"

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

static __always_inline void ht_count_lost_entry(enum ht_table table)
{
	struct ht_losses *mine = ht_losses_here();

	if (mine)
		__sync_fetch_and_add(&mine->entries[table], 1);
}

/* High records wake the reader at once; low ones when many wait (the reader also looks by time). */
static __always_inline __u64 ht_wakeup(enum ht_ring ring)
{
	if (ring == HT_RING_HIGH)
		return BPF_RB_FORCE_WAKEUP;
	if (bpf_ringbuf_query(&ring_low, BPF_RB_AVAIL_DATA) >= ht_low_wakeup_bytes)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

/* Everything of the header but the process. */
static __always_inline void ht_start_record(struct ht_header *header, __u32 type, __u32 size)
{
	header->size = size;
	header->type = type;
	header->reserved = 0;
	header->cpu = bpf_get_smp_processor_id();
	header->reserved2 = 0;
	header->boot_ns = bpf_ktime_get_boot_ns();
}

/* Room for a record of constant size, or NULL and the loss counted. */
static __always_inline void *ht_reserve(enum ht_ring ring, __u32 type, __u32 size)
{
	struct ht_header *header;

	if (ring == HT_RING_HIGH)
		header = bpf_ringbuf_reserve(&ring_high, size, 0);
	else
		header = bpf_ringbuf_reserve(&ring_low, size, 0);
	if (!header) {
		ht_count_lost_record(ring, type);
		return NULL;
	}
	ht_start_record(header, type, size);
	return header;
}

static __always_inline void ht_submit(enum ht_ring ring, void *record)
{
	bpf_ringbuf_submit(record, ht_wakeup(ring));
}

/* A record that was put together elsewhere because its size varies. */
static __always_inline void ht_output(enum ht_ring ring, __u32 type, void *record, __u32 size)
{
	long error;

	if (ring == HT_RING_HIGH)
		error = bpf_ringbuf_output(&ring_high, record, size, BPF_RB_FORCE_WAKEUP);
	else
		error = bpf_ringbuf_output(&ring_low, record, size, ht_wakeup(HT_RING_LOW));
	if (error)
		ht_count_lost_record(ring, type);
}

#endif /* HOPTRAIL_BPF_LIB_EMIT_H_ */
