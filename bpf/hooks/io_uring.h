/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Requests that io_uring has carried out, for the event sources whose last tier is the end of a
 * system call: io_uring makes no system call for them. A request is read when it completes: its
 * opcode, its result and the object behind the result are the kernel's own. A process can keep a
 * request from completing visibly: docs/decisions/0011-io-uring.md.
 */
#ifndef HOPTRAIL_BPF_HOOKS_IO_URING_H_
#define HOPTRAIL_BPF_HOOKS_IO_URING_H_

#include "bpf/hooks/accept.h"
#include "bpf/hooks/file.h"
#include "bpf/hooks/unix.h"

/* Whether the request has succeeded, and is the running process's own. io_uring's workers and its
 * polling thread are threads of that process and share its descriptors. */
static __always_inline bool ht_is_done(struct io_kiocb *request)
{
	return ht_request_result(request) >= 0 &&
	       BPF_CORE_READ(ht_request_task(request), tgid) == BPF_CORE_READ(ht_current(), tgid);
}

static __always_inline int ht_on_io_uring_open(struct io_kiocb *request)
{
	struct io_open *open = (struct io_open *)request;
	__u8 opcode = ht_request_opcode(request);

	if ((opcode != IORING_OP_OPENAT && opcode != IORING_OP_OPENAT2) || !ht_is_done(request))
		return 0;
	/* Opened into the ring's own table: the result is no descriptor. */
	if (bpf_core_field_exists(open->file_slot) && BPF_CORE_READ(open, file_slot))
		return 0;
	return ht_on_open_exit(ht_request_result(request));
}

static __always_inline int ht_on_io_uring_accept(struct io_kiocb *request)
{
	struct io_accept *accept = (struct io_accept *)request;

	if (ht_request_opcode(request) != IORING_OP_ACCEPT || !ht_is_done(request))
		return 0;
	if (bpf_core_field_exists(accept->file_slot) && BPF_CORE_READ(accept, file_slot))
		return 0;
	return ht_on_accept_exit(ht_request_result(request));
}

static __always_inline int ht_on_io_uring_connect(struct io_kiocb *request)
{
	struct sock *sk;

	if (ht_request_opcode(request) != IORING_OP_CONNECT || !ht_is_done(request))
		return 0;
	sk = ht_sock_of_file(BPF_CORE_READ(request, file));
	if (!sk || BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX)
		return 0;
	return ht_on_unix_connected(sk);
}

#endif /* HOPTRAIL_BPF_HOOKS_IO_URING_H_ */
