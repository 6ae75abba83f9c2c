/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Tampering with the sensor itself: which processes are its own, and the record of an attempt.
 * Attempts are reported, never refused.
 */
#ifndef HOPTRAIL_BPF_LIB_TAMPERING_H_
#define HOPTRAIL_BPF_LIB_TAMPERING_H_

#include "bpf/lib/repeat.h"
#include "bpf/lib/task.h"

/* Tgids of the sensor's own processes in the initial pid namespace; set by user space. */
#define HT_PROTECTED 8
__u32 ht_protected[HT_PROTECTED] = {};

/* Shortest time between two records of the same attempt by the same process. */
#define HT_TAMPERING_INTERVAL_NS 10000000000ULL

struct ht_attempt {
	__u64 start_ns;
	__u32 tgid;
	__u32 kind;
	__u32 what;   /* signal, or kind of object and command */
	__u32 target; /* tgid, or id of an object */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct ht_attempt);
	__type(value, struct ht_repeats);
} attempts SEC(".maps");

static __always_inline bool ht_is_protected(__u32 tgid)
{
	bool found = false;

#pragma clang loop unroll(full)
	for (int i = 0; i < HT_PROTECTED; i++)
		found |= ht_protected[i] == tgid;
	return found && tgid;
}

/* A record of the attempt by the running task, with the attempt's own fields zero. NULL where none
 * is due. */
static __always_inline struct ht_tampering *ht_reserve_tampering(struct ht_attempt *attempt)
{
	struct task_struct *task = ht_current();
	struct ht_tampering *record;
	__u32 repeats;

	if (!ht_task_in_scope(task, HT_UNTYPED))
		return NULL;
	attempt->start_ns = ht_start_ns(task, HT_UNTYPED);
	attempt->tgid = BPF_CORE_READ(task, tgid);
	repeats = ht_repeats_due(&attempts, attempt, HT_TAMPERING_INTERVAL_NS);
	if (!repeats)
		return NULL;
	record = ht_reserve(HT_RING_HIGH, HT_TYPE_TAMPERING, sizeof(*record));
	if (!record)
		return NULL;
	__builtin_memset((void *)record + sizeof(record->header), 0,
			 sizeof(*record) - sizeof(record->header));
	ht_identify(&record->header.who, task);
	record->kind = attempt->kind;
	record->repeats = repeats;
	return record;
}

#endif /* HOPTRAIL_BPF_LIB_TAMPERING_H_ */
