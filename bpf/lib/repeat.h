/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The limit for events that repeat: the first one emits a record, and then one record an interval
 * stands for all of them. A hook keeps a BPF_MAP_TYPE_LRU_HASH of struct ht_repeats, whose key says
 * which events are the same.
 */
#ifndef HOPTRAIL_BPF_LIB_REPEAT_H_
#define HOPTRAIL_BPF_LIB_REPEAT_H_

#include "bpf/include/compat.h"

struct ht_repeats {
	__u64 emitted_ns; /* boot time of the last record */
	__u64 count;	  /* of events since then */
};

/* An event has happened: how many events its record is to stand for, this one included; 0: no
 * record now. Without locks: two CPUs at the end of an interval may lose an event from the count.
 */
static __always_inline __u32 ht_repeats_due(void *map, const void *key, __u64 interval_ns)
{
	__u64 now_ns = bpf_ktime_get_boot_ns();
	struct ht_repeats first = { .emitted_ns = now_ns };
	struct ht_repeats *repeats = bpf_map_lookup_elem(map, key);
	__u64 count;

	if (!repeats) {
		bpf_map_update_elem(map, key, &first, BPF_ANY);
		return 1;
	}
	__sync_fetch_and_add(&repeats->count, 1);
	if (now_ns - repeats->emitted_ns < interval_ns)
		return 0;
	count = repeats->count;
	repeats->emitted_ns = now_ns;
	repeats->count = 0;
	return count;
}

#endif /* HOPTRAIL_BPF_LIB_REPEAT_H_ */
