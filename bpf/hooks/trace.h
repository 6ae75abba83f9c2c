/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The right to trace a process, to write its memory or to take its descriptors: whoever has it can
 * make the process act. Only where tracer and target may be of two sessions: by their session tags
 * and their logins. User space knows the sessions exactly.
 */
#ifndef HOPTRAIL_BPF_HOOKS_TRACE_H_
#define HOPTRAIL_BPF_HOOKS_TRACE_H_

#include "bpf/lib/repeat.h"
#include "bpf/lib/tampering.h"

/* Shortest time between two records of the same system call by a process on the same target. */
#define HT_TRACE_INTERVAL_NS 10000000000ULL

struct ht_trace_pair {
	__u64 start_ns; /* of the process that traces */
	__u64 target_start_ns;
	__u32 tgid;
	__u32 target_tgid;
	__u32 system_call;
	__u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct ht_trace_pair);
	__type(value, struct ht_repeats);
} traces SEC(".maps");

/* Both are known to have come through the same entry. */
static __always_inline bool ht_same_entry(struct task_struct *task, struct task_struct *target)
{
	struct ht_process_entry *own;
	struct ht_process_entry *other;
	__u32 audit_session = ht_audit_session(task, HT_UNTYPED);

	if (audit_session != ht_audit_session(target, HT_UNTYPED))
		return false;
	own = ht_find_process(BPF_CORE_READ(task, tgid), ht_start_ns(task, HT_UNTYPED));
	other = ht_find_process(BPF_CORE_READ(target, tgid), ht_start_ns(target, HT_UNTYPED));
	if (!own || !other)
		return audit_session != HT_NO_LOGIN;
	return own->tag_tgid == other->tag_tgid && own->tag_start_ns == other->tag_start_ns &&
	       (own->tag_tgid || audit_session != HT_NO_LOGIN);
}

static __noinline void ht_on_trace(struct task_struct *target)
{
	struct task_struct *task = ht_current();
	struct ht_trace_pair pair = {};
	struct ht_trace *record;
	__u32 repeats;

	pair.tgid = BPF_CORE_READ(task, tgid);
	pair.target_tgid = BPF_CORE_READ(target, tgid);
	if (pair.tgid == pair.target_tgid || ht_is_protected(pair.tgid) ||
	    !ht_task_in_scope(task, HT_UNTYPED) || ht_same_entry(task, target))
		return;
	pair.start_ns = ht_start_ns(task, HT_UNTYPED);
	pair.target_start_ns = ht_start_ns(target, HT_UNTYPED);
	pair.system_call = ht_system_call(task);
	repeats = ht_repeats_due(&traces, &pair, HT_TRACE_INTERVAL_NS);
	if (!repeats)
		return;
	record = ht_reserve(HT_RING_HIGH, HT_TYPE_TRACE, sizeof(*record));
	if (!record)
		return;
	ht_identify(&record->header.who, task);
	record->target_start_ns = pair.target_start_ns;
	record->target_tgid = pair.target_tgid;
	record->system_call = pair.system_call;
	record->second_argument = ht_second_argument(task);
	record->third_argument = ht_third_argument(task);
	record->repeats = repeats;
	record->reserved = 0;
	ht_submit(HT_RING_HIGH, record);
}

#endif /* HOPTRAIL_BPF_HOOKS_TRACE_H_ */
