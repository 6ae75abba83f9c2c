/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * One getter for each thing that differs between kernels.
 */
#ifndef HOPTRAIL_BPF_INCLUDE_COMPAT_H_
#define HOPTRAIL_BPF_INCLUDE_COMPAT_H_

#include "bpf/include/read.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* A kernel without CONFIG_AUDIT has neither field. */
static __always_inline __u32 ht_login_uid(struct task_struct *task, enum ht_pointer kind)
{
	if (!bpf_core_field_exists(task->loginuid))
		return 0xffffffff;
	return HT_READ(kind, task, loginuid.val);
}

static __always_inline __u32 ht_audit_session(struct task_struct *task, enum ht_pointer kind)
{
	if (!bpf_core_field_exists(task->sessionid))
		return 0xffffffff;
	return HT_READ(kind, task, sessionid);
}

/* Whether the kernel has bpf_get_current_task_btf(): from 5.11 on. */
static __always_inline bool ht_current_is_typed(void)
{
	return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf);
}

/* A set of capabilities as 64 bits; `set` is a field of `cred`. */
#define ht_capabilities(kind, cred, set)                                                           \
	(bpf_core_field_exists((cred)->set.val)                                                    \
		 ? HT_READ(kind, cred, set.val)                                                    \
		 : HT_READ(kind, cred, set.cap[0]) | (__u64)HT_READ(kind, cred, set.cap[1]) << 32)

/* The parent of a control group; NULL for a hierarchy's root. */
static __always_inline struct kernfs_node *ht_kernfs_parent(struct kernfs_node *node)
{
	if (bpf_core_field_exists(node->__parent))
		return BPF_CORE_READ(node, __parent);
	return bpf_core_field_exists(node->parent) ? BPF_CORE_READ(node, parent) : NULL;
}

/* The result of inet_csk_accept, from the context of an fexit, where it follows the arguments: up
 * to 6.9 these are (sk, flags, err, kern), later (sk, arg). */
static __always_inline struct sock *ht_accept_result(unsigned long long *ctx)
{
	struct sock *sk;

	/* In assembler, because the compiler would make one load with a variable offset, and a
	 * context may be read at constant offsets only. */
	if (bpf_core_type_exists(struct proto_accept_arg))
		asm volatile("%0 = *(u64 *)(%1 + 16)" : "=r"(sk) : "r"(ctx));
	else
		asm volatile("%0 = *(u64 *)(%1 + 32)" : "=r"(sk) : "r"(ctx));
	return sk;
}

/* The opcode of a completed io_uring request; before 5.19 the tracepoint passes no request. */
static __always_inline __u8 ht_request_opcode(struct io_kiocb *request)
{
	if (!bpf_core_type_exists(struct io_cqe) || !bpf_core_field_exists(request->cqe))
		return IORING_OP_NOP;
	return BPF_CORE_READ(request, opcode);
}

static __always_inline struct task_struct *ht_request_task(struct io_kiocb *request)
{
	if (bpf_core_field_exists(request->tctx) &&
	    bpf_core_field_exists(struct io_uring_task, task))
		return BPF_CORE_READ(request, tctx, task);
	return bpf_core_field_exists(request->task) ? BPF_CORE_READ(request, task) : NULL;
}

static __always_inline int ht_request_result(struct io_kiocb *request)
{
	return bpf_core_field_exists(request->cqe) ? BPF_CORE_READ(request, cqe.res) : -1;
}

/* The registers with which the running task has entered the kernel. Before 5.15, which has a helper
 * for it, they are read from the top of the task's stack, assumed to be four pages of 4 KiB. */
static __always_inline struct pt_regs *ht_entry_registers(struct task_struct *task)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	return BPF_CORE_READ(task, stack) + 16384 - bpf_core_type_size(struct pt_regs);
}

/* The first argument of the system call `number`, which is about to return: the kernel's saved
 * copy, which the caller cannot change. False if the registers are not those of that call. */
static __always_inline bool ht_first_argument(struct task_struct *task, int number, __u64 *argument)
{
	struct pt_regs *registers = ht_entry_registers(task);

#if defined(__TARGET_ARCH_arm64)
	*argument = BPF_CORE_READ(registers, orig_x0);
	return BPF_CORE_READ(registers, syscallno) == number;
#else
	*argument = BPF_CORE_READ(registers, di);
	return BPF_CORE_READ(registers, orig_ax) == (unsigned long)(unsigned int)number;
#endif
}

/* The second argument; only after ht_first_argument has returned true. */
static __always_inline __u64 ht_second_argument(struct task_struct *task)
{
	struct pt_regs *registers = ht_entry_registers(task);

#if defined(__TARGET_ARCH_arm64)
	return BPF_CORE_READ((struct user_pt_regs *)registers, regs[1]);
#else
	return BPF_CORE_READ(registers, si);
#endif
}

/* The number of the system call in which the running task is; that of a kernel thread's is none. */
static __always_inline int ht_system_call(struct task_struct *task)
{
	struct pt_regs *registers = ht_entry_registers(task);

#if defined(__TARGET_ARCH_arm64)
	return BPF_CORE_READ(registers, syscallno);
#else
	return (int)BPF_CORE_READ(registers, orig_ax);
#endif
}

static __always_inline __u64 ht_third_argument(struct task_struct *task)
{
	struct pt_regs *registers = ht_entry_registers(task);

#if defined(__TARGET_ARCH_arm64)
	return BPF_CORE_READ((struct user_pt_regs *)registers, regs[2]);
#else
	return BPF_CORE_READ(registers, dx);
#endif
}

#endif /* HOPTRAIL_BPF_INCLUDE_COMPAT_H_ */
