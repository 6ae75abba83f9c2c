/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The simplest possible sensor of processes and TCP connections: one small record an event,
 * written in place, and no wake-up before many records wait. It has no logic and no state.
 */
#include "bpf/include/kernel_types.h"
#include "tests/bench/floor/record.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, FLOOR_RING_BYTES);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

static __always_inline void floor_count_lost(void)
{
	__u32 first = 0;
	__u64 *count = bpf_map_lookup_elem(&lost, &first);

	if (count)
		__sync_fetch_and_add(count, 1);
}

static __always_inline struct floor_record *floor_reserve(__u32 kind)
{
	struct floor_record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		floor_count_lost();
		return NULL;
	}
	record->boot_ns = bpf_ktime_get_boot_ns();
	record->kind = kind;
	record->reserved = 0;
	return record;
}

static __always_inline void floor_submit(struct floor_record *record)
{
	__u64 waiting = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);

	bpf_ringbuf_submit(record,
			   waiting < FLOOR_WAKE_BYTES ? BPF_RB_NO_WAKEUP : BPF_RB_FORCE_WAKEUP);
}

static __always_inline int floor_process(struct task_struct *task, __u32 kind, __u32 other)
{
	struct floor_record *record = floor_reserve(kind);

	if (!record)
		return 0;
	record->start_ns = task->start_boottime;
	record->tgid = task->tgid;
	record->of.process.other = other;
	record->of.process.uid = bpf_get_current_uid_gid();
	record->of.process.cgroup_id = bpf_get_current_cgroup_id();
	bpf_get_current_comm(record->of.process.comm, sizeof(record->of.process.comm));
	floor_submit(record);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(floor_fork, struct task_struct *parent, struct task_struct *child)
{
	return floor_process(parent, FLOOR_FORK, child->tgid);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(floor_exec, struct task_struct *task, int old_pid)
{
	return floor_process(task, FLOOR_EXEC, old_pid);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(floor_exit, struct task_struct *task)
{
	return floor_process(task, FLOOR_EXIT, task->exit_code);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(floor_tcp, struct sock *sk, int old_state, int new_state)
{
	struct floor_record *record = floor_reserve(FLOOR_TCP);
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	if (!record)
		return 0;
	record->start_ns = BPF_CORE_READ(task, start_boottime);
	record->tgid = bpf_get_current_pid_tgid() >> 32;
	record->of.tcp.socket = (__u64)sk;
	record->of.tcp.old_state = old_state;
	record->of.tcp.new_state = new_state;
	record->of.tcp.client_isn = BPF_CORE_READ(tcp, snd_una) - BPF_CORE_READ(tcp, bytes_acked);
	record->of.tcp.server_isn = BPF_CORE_READ(tcp, rcv_nxt) - BPF_CORE_READ(tcp, bytes_received);
	record->of.tcp.remote_address = sk->__sk_common.skc_daddr;
	record->of.tcp.remote_port = sk->__sk_common.skc_dport;
	record->of.tcp.local_port = sk->__sk_common.skc_num;
	floor_submit(record);
	return 0;
}
