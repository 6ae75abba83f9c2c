/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The index of hooks: a section and one call each. What they do stands in hooks/.
 */
#include "bpf/hooks/accept.h"
#include "bpf/hooks/auth.h"
#include "bpf/hooks/handover.h"
#include "bpf/hooks/process.h"
#include "bpf/hooks/snapshot.h"
#include "bpf/hooks/tcp.h"

char LICENSE[] SEC("license") = "GPL";

/* Processes. */

SEC("tp_btf/sched_process_fork")
int BPF_PROG(ht_fork, struct task_struct *parent, struct task_struct *child)
{
	return ht_on_fork(parent, child);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(ht_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	return ht_on_exec(task, bprm);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(ht_exit, struct task_struct *task)
{
	return ht_on_exit(task);
}

/* TCP. */

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(ht_tcp_state, struct sock *sk, int old_state, int new_state)
{
	return ht_on_tcp_state(sk, old_state, new_state);
}

/* Accept, by whom: best first. */

SEC("fexit/inet_csk_accept")
int ht_accept_fexit(unsigned long long *ctx)
{
	return ht_on_accept(ht_accept_result(ctx));
}

/* In accept, once the connection is there. */
SEC("kprobe/security_sock_graft")
int BPF_KPROBE(ht_accept_kprobe, struct sock *sk)
{
	return ht_on_accept(sk);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(ht_socket_received, struct sock *sk)
{
	return ht_on_socket_use(sk);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(ht_socket_sent, struct sock *sk)
{
	return ht_on_socket_use(sk);
}

SEC("tp/syscalls/sys_exit_accept")
int ht_accept_exit(struct trace_event_raw_sys_exit *ctx)
{
	return ht_on_accept_exit(ctx->ret);
}

SEC("tp/syscalls/sys_exit_accept4")
int ht_accept4_exit(struct trace_event_raw_sys_exit *ctx)
{
	return ht_on_accept_exit(ctx->ret);
}

/* A socket passes from one process to another: best first. */

SEC("fentry/security_file_receive")
int BPF_PROG(ht_file_received_fentry, struct file *file)
{
	return ht_on_file_received(file);
}

SEC("kprobe/security_file_receive")
int BPF_KPROBE(ht_file_received_kprobe, struct file *file)
{
	return ht_on_file_received(file);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(ht_user_received, struct sock *sk)
{
	return ht_on_socket_user(sk);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(ht_user_sent, struct sock *sk)
{
	return ht_on_socket_user(sk);
}

/* PAM and sshd: attached by user space to every libpam and libc there is. */

SEC("uprobe")
int BPF_KPROBE(ht_pam_start, const char *service, const char *user)
{
	return ht_on_pam_start(service, user);
}

SEC("uprobe")
int BPF_KPROBE(ht_pam_set_item, void *handle, int item, const char *value)
{
	return ht_on_pam_set_item(item, value);
}

SEC("uretprobe")
int BPF_KRETPROBE(ht_pam_authenticate, int result)
{
	return ht_on_pam_result(HT_PAM_AUTHENTICATE, result);
}

SEC("uretprobe")
int BPF_KRETPROBE(ht_pam_open_session, int result)
{
	return ht_on_pam_result(HT_PAM_OPEN_SESSION, result);
}

SEC("uretprobe")
int BPF_KRETPROBE(ht_pam_close_session, int result)
{
	return ht_on_pam_result(HT_PAM_CLOSE_SESSION, result);
}

SEC("uprobe")
int BPF_KPROBE(ht_syslog_chk, int priority, int flag, const char *format, const char *message)
{
	return ht_on_syslog(format, message);
}

SEC("uprobe")
int BPF_KPROBE(ht_syslog, int priority, const char *format, const char *message)
{
	return ht_on_syslog(format, message);
}

/* What already ran. */

SEC("iter/task")
int ht_snapshot_processes(struct bpf_iter__task *ctx)
{
	return ht_on_snapshot_task(ctx);
}

SEC("iter/task_file")
int ht_snapshot_sockets(struct bpf_iter__task_file *ctx)
{
	return ht_on_snapshot_file(ctx);
}
