/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Processes and sockets that exist already: records like those of events, written to an iterator's
 * file.
 */
#ifndef HOPTRAIL_BPF_HOOKS_SNAPSHOT_H_
#define HOPTRAIL_BPF_HOOKS_SNAPSHOT_H_

#include "bpf/hooks/process.h"

/* Each process is written once, for its first thread. A first thread that has ended before the
 * others has neither program nor files any more: then the process is written for each other thread.
 * Not for a process that is about to end: its exit has been emitted, or was lost, and a snapshot
 * that follows a loss must not bring the process back. */
static __always_inline bool ht_stands_for_process(struct task_struct *task)
{
	if (BPF_CORE_READ(task, flags) & PF_KTHREAD || !BPF_CORE_READ(task, mm) ||
	    ht_has_ended(task, HT_UNTYPED))
		return false;
	return BPF_CORE_READ(task, pid) == BPF_CORE_READ(task, tgid) ||
	       !BPF_CORE_READ(task, group_leader, mm);
}

/* User space adds the arguments from /proc: not every kernel lets an iterator read the memory of
 * another process. */
static __always_inline int ht_on_snapshot_task(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct seq_file *seq = ctx->meta->seq;
	struct ht_scratch *s;
	__u32 size;

	if (!task || !ht_stands_for_process(task) || !ht_task_in_scope(task, HT_UNTYPED))
		return 0;
	ht_keep_baseline(task, BPF_NOEXIST);
	s = ht_take_scratch();
	if (!s) {
		ht_count_lost_record(HT_RING_LOW, HT_TYPE_PROCESS_SNAPSHOT);
		return 0;
	}
	ht_start_record(&s->exec.header, HT_TYPE_PROCESS_SNAPSHOT, 0);
	ht_identify(&s->exec.header.who, task);
	ht_read_first_files(task, s->files);
	ht_fill_image(s, task);
	ht_append_cgroups(s, task);
	size = sizeof(s->exec) + ht_scratch_end(s);
	if (size <= sizeof(s->exec) + HT_SCRATCH_DATA) {
		s->exec.header.size = size;
		bpf_seq_write(seq, &s->exec, size);
	}
	ht_release_scratch(s);
	return 0;
}

static __always_inline void ht_snapshot_listener(struct ht_socket_snapshot *record, struct sock *sk)
{
	struct ht_identity *holder = &record->header.who;
	struct ht_listen_key key = {};
	__u8 present = 1;

	ht_fill_listener(&record->connection, sk, HT_UNTYPED);
	key.network_namespace = record->connection.network_namespace;
	key.port = record->connection.server_port;
	bpf_map_update_elem(&listen_ports, &key, &present, BPF_ANY);
	if (holder->tag_tgid == 0 || !ht_is_loopback(record->connection.server_address))
		ht_mark_opens_sessions(holder->tgid, holder->start_ns);
}

static __always_inline void ht_snapshot_connection(struct ht_socket_snapshot *record,
						   struct sock *sk, int state)
{
	struct ht_socket_entry entry = { .owner = record->header.who };
	__u64 key = (__u64)sk;
	struct ht_socket_entry *existing = bpf_map_lookup_elem(&sockets, &key);

	/* An owner that an event has set is better than this one. Only this walk knows the owner of
	 * a connection that was made while the hooks were being attached. */
	if (existing && existing->owner.tgid == 0) {
		existing->owner = record->header.who;
		existing->unclaimed = 0;
	}
	entry.side = ht_side_of(sk, state);
	ht_fill_connection(&record->connection, sk, entry.side, HT_UNTYPED);
	ht_fill_hop_key(&record->connection, sk, HT_UNTYPED);
	ht_remember_socket(sk, &entry, BPF_NOEXIST);
}

static __always_inline int ht_on_snapshot_file(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct seq_file *seq = ctx->meta->seq;
	struct ht_socket_snapshot record;
	struct sock *sk;
	int state;

	/* At the end of the walk the kernel calls once more, without a file. */
	if (!task || !file) {
		if (ht_socket_walk == HT_WALK_CONNECTIONS)
			ht_connections_walked = true;
		return 0;
	}
	if (ht_has_ended(task, HT_UNTYPED))
		return 0;
	sk = ht_tcp_of_file(file);
	if (!sk || !ht_netns_in_scope(ht_sock_netns(sk, HT_UNTYPED)))
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (ht_socket_walk == HT_WALK_LISTENERS ? state != TCP_LISTEN : !ht_was_established(state))
		return 0;
	ht_start_record(&record.header, HT_TYPE_SOCKET_SNAPSHOT, sizeof(record));
	ht_identify(&record.header.who, task);
	if (state == TCP_LISTEN)
		ht_snapshot_listener(&record, sk);
	else
		ht_snapshot_connection(&record, sk, state);
	bpf_seq_write(seq, &record, sizeof(record));
	return 0;
}

#endif /* HOPTRAIL_BPF_HOOKS_SNAPSHOT_H_ */
