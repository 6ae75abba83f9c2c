/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Open files of a task: the file behind a descriptor, and the socket behind a file.
 */
#ifndef HOPTRAIL_BPF_LIB_STREAM_H_
#define HOPTRAIL_BPF_LIB_STREAM_H_

#include "bpf/lib/socket.h"

/* How many descriptors of a started program are searched for inherited listening sockets. */
#define HT_INHERITED_FDS 16

static __always_inline struct file *ht_file_of_fd(struct task_struct *task, __u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	struct file *file = NULL;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

/* The files of the first descriptors, in one read: no table of descriptors is smaller. */
static __always_inline void ht_read_first_files(struct task_struct *task,
						struct file *files[HT_INHERITED_FDS])
{
	struct file **first = BPF_CORE_READ(task, files, fdt, fd);

	if (bpf_probe_read_kernel(files, HT_INHERITED_FDS * sizeof(*files), first))
		__builtin_memset(files, 0, HT_INHERITED_FDS * sizeof(*files));
}

static __always_inline struct sock *ht_sock_of_file(struct file *file)
{
	struct socket *socket;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

static __always_inline struct sock *ht_tcp_of_file(struct file *file)
{
	struct sock *sk = ht_sock_of_file(file);

	return sk ? ht_tcp_of(sk) : NULL;
}

/* By Linux's major numbers of terminals: consoles and serial lines, /dev/tty, pseudo terminals, USB
 * and ARM serial lines, virtual consoles of hypervisors. */
static __always_inline bool ht_is_terminal(__u32 device)
{
	__u32 major = device >> 20;

	return major == 4 || major == 5 || (major >= 136 && major <= 143) || major == 188 ||
	       major == 204 || major == 229;
}

static __always_inline void ht_fill_stream(struct ht_stream *stream, struct file *file)
{
	struct inode *inode;
	struct sock *sk;
	__u16 format;
	int state;

	__builtin_memset(stream, 0, sizeof(*stream));
	if (!file) {
		stream->kind = HT_STREAM_CLOSED;
		return;
	}
	inode = BPF_CORE_READ(file, f_inode);
	format = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	stream->inode = BPF_CORE_READ(inode, i_ino);
	if (format == S_IFREG) {
		stream->kind = HT_STREAM_FILE;
	} else if (format == S_IFIFO) {
		stream->kind = HT_STREAM_PIPE;
	} else if (format == S_IFCHR) {
		stream->device = BPF_CORE_READ(inode, i_rdev);
		stream->kind =
			ht_is_terminal(stream->device) ? HT_STREAM_TERMINAL : HT_STREAM_OTHER;
	} else if (format == S_IFSOCK) {
		sk = ht_sock_of_file(file);
		stream->kind = HT_STREAM_OTHER;
		if (!sk)
			return;
		if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_UNIX)
			stream->kind = HT_STREAM_UNIX;
		sk = ht_tcp_of(sk);
		if (!sk)
			return;
		stream->kind = HT_STREAM_TCP;
		state = BPF_CORE_READ(sk, __sk_common.skc_state);
		if (state == TCP_LISTEN) {
			ht_fill_listener(&stream->tcp, sk, HT_UNTYPED);
		} else {
			ht_fill_connection(&stream->tcp, sk, ht_side_of(sk, state), HT_UNTYPED);
			if (ht_was_established(state))
				ht_fill_hop_key(&stream->tcp, sk, HT_UNTYPED);
		}
	} else {
		stream->kind = HT_STREAM_OTHER;
	}
}

/* A program that is started with an accepted connection on a standard stream (sshd-session, inetd's
 * children) owns that connection from then on. */
static __always_inline void ht_own_streams(const struct ht_exec *record)
{
#pragma clang loop unroll(full)
	for (int i = 0; i < HT_STREAMS; i++) {
		const struct ht_connection *tcp = &record->streams[i].tcp;
		__u64 key = tcp->socket ^ ht_socket_key;
		struct ht_socket_entry *entry;

		if (tcp->socket == 0 || tcp->side != HT_SIDE_SERVER)
			continue;
		entry = bpf_map_lookup_elem(&sockets, &key);
		if (entry)
			entry->owner = record->header.who;
	}
}

#endif /* HOPTRAIL_BPF_LIB_STREAM_H_ */
