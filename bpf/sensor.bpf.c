/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The index of hooks: a section and one call each. The bodies are in hooks/.
 */
#include "bpf/hooks/accept.h"
#include "bpf/hooks/change.h"
#include "bpf/hooks/datagram.h"
#include "bpf/hooks/fallback.h"
#include "bpf/hooks/file.h"
#include "bpf/hooks/handover.h"
#include "bpf/hooks/io_uring.h"
#include "bpf/hooks/login_decision.h"
#include "bpf/hooks/object_tampering.h"
#include "bpf/hooks/pam.h"
#include "bpf/hooks/process.h"
#include "bpf/hooks/process_tampering.h"
#include "bpf/hooks/snapshot.h"
#include "bpf/hooks/sshd_syslog.h"
#include "bpf/hooks/tcp.h"
#include "bpf/hooks/unix.h"

char LICENSE[] SEC("license") = "GPL";

/* Processes. */

SEC("tp_btf/sched_process_fork")
int BPF_PROG(ht_fork, struct task_struct *parent, struct task_struct *child)
{
	return HT_NO_PREEMPT(ht_on_fork(parent, child, HT_TYPED));
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(ht_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	return HT_NO_PREEMPT(ht_on_exec(task, bprm, HT_TYPED));
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(ht_exit, struct task_struct *task)
{
	ht_emit_due_flows(bpf_ktime_get_boot_ns());
	return HT_NO_PREEMPT(ht_on_exit(task, HT_TYPED));
}

/* TCP. */

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(ht_tcp_state, struct sock *sk, int old_state, int new_state)
{
	if (!ht_is_change_of_interest(old_state, new_state))
		return 0;
	return HT_NO_PREEMPT(ht_on_tcp_state(sk, old_state, new_state, HT_TYPED));
}

/* Fallback programs of the four above: see hooks/fallback.h. */

SEC("kprobe/wake_up_new_task")
int BPF_KPROBE(ht_fork_fallback, struct task_struct *child)
{
	return ht_on_fork_fallback(child);
}

SEC("tp/sched/sched_process_exec")
int ht_exec_fallback(void *ctx)
{
	return ht_on_exec_fallback();
}

SEC("tp/sched/sched_process_exit")
int ht_exit_fallback(void *ctx)
{
	return ht_on_exit_fallback();
}

SEC("tp/sock/inet_sock_set_state")
int ht_tcp_fallback(struct trace_event_raw_inet_sock_set_state *ctx)
{
	return ht_on_tcp_fallback((struct sock *)ctx->skaddr, ctx->oldstate, ctx->newstate);
}

/* Accept, and by which process: best first. */

SEC("fexit/inet_csk_accept")
int ht_accept_fexit(unsigned long long *ctx)
{
	return HT_NO_PREEMPT(ht_on_accept(ht_accept_result(ctx), HT_TYPED));
}

/* Not a kretprobe of accept: the kernel can track the return of few calls at once, and the calls
 * that wait in accept would use them up. */
SEC("kprobe/security_sock_graft")
int BPF_KPROBE(ht_accept_kprobe, struct sock *sk)
{
	return ht_on_accept(sk, HT_UNTYPED);
}

/* Serve the handover of sockets, too. */
SEC("tp_btf/sock_recv_length")
int BPF_PROG(ht_socket_received, struct sock *sk)
{
	return HT_NO_PREEMPT(ht_on_socket_use(sk));
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(ht_socket_sent, struct sock *sk)
{
	return HT_NO_PREEMPT(ht_on_socket_use(sk));
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

/* Beside the last tiers of accept, UNIX connect and open. */

SEC("tp_btf/io_uring_complete")
int BPF_PROG(ht_io_uring_accepted, void *ring, struct io_kiocb *request)
{
	return HT_NO_PREEMPT(ht_on_io_uring_accept(request));
}

SEC("tp_btf/io_uring_complete")
int BPF_PROG(ht_io_uring_connected, void *ring, struct io_kiocb *request)
{
	return HT_NO_PREEMPT(ht_on_io_uring_connect(request));
}

SEC("tp_btf/io_uring_complete")
int BPF_PROG(ht_io_uring_opened, void *ring, struct io_kiocb *request)
{
	return HT_NO_PREEMPT(ht_on_io_uring_open(request));
}

/* UNIX connect, and to which process: best first. */

SEC("fexit/unix_stream_connect")
int BPF_PROG(ht_unix_stream, struct socket *socket, void *name, int length, int flags, int result)
{
	return HT_NO_PREEMPT(ht_on_unix_connect(socket, result));
}

SEC("fexit/unix_dgram_connect")
int BPF_PROG(ht_unix_dgram, struct socket *socket, void *name, int length, int flags, int result)
{
	return HT_NO_PREEMPT(ht_on_unix_connect(socket, result));
}

SEC("kprobe/unix_stream_connect")
int BPF_KPROBE(ht_unix_stream_kprobe, struct socket *socket)
{
	return ht_on_unix_connect_enter(socket);
}

SEC("kprobe/unix_dgram_connect")
int BPF_KPROBE(ht_unix_dgram_kprobe, struct socket *socket)
{
	return ht_on_unix_connect_enter(socket);
}

SEC("kretprobe/unix_stream_connect")
int BPF_KRETPROBE(ht_unix_stream_kretprobe, int result)
{
	return ht_on_unix_connect_return(result);
}

SEC("kretprobe/unix_dgram_connect")
int BPF_KRETPROBE(ht_unix_dgram_kretprobe, int result)
{
	return ht_on_unix_connect_return(result);
}

SEC("tp/syscalls/sys_exit_connect")
int ht_connect_exit(struct trace_event_raw_sys_exit *ctx)
{
	/* Only the lower half of `id` is written. */
	return ht_on_connect_exit((int)ctx->id, ctx->ret);
}

/* Datagram flows: best first. */

SEC("fexit/udp_sendmsg")
int BPF_PROG(ht_udp_sent, struct sock *sk, struct msghdr *message, unsigned long length, int result)
{
	return HT_NO_PREEMPT(ht_on_sent(sk, message, result, false));
}

SEC("fexit/udpv6_sendmsg")
int BPF_PROG(ht_udp6_sent, struct sock *sk, struct msghdr *message, unsigned long length,
	     int result)
{
	return HT_NO_PREEMPT(ht_on_sent(sk, message, result, true));
}

SEC("fexit/raw_sendmsg")
int BPF_PROG(ht_raw_sent, struct sock *sk, struct msghdr *message, unsigned long length, int result)
{
	return HT_NO_PREEMPT(ht_on_sent(sk, message, result, false));
}

SEC("fexit/rawv6_sendmsg")
int BPF_PROG(ht_raw6_sent, struct sock *sk, struct msghdr *message, unsigned long length,
	     int result)
{
	return HT_NO_PREEMPT(ht_on_sent(sk, message, result, true));
}

SEC("fexit/ping_v4_sendmsg")
int BPF_PROG(ht_ping_sent, struct sock *sk, struct msghdr *message, unsigned long length,
	     int result)
{
	return HT_NO_PREEMPT(ht_on_sent(sk, message, result, false));
}

SEC("fexit/ping_v6_sendmsg")
int BPF_PROG(ht_ping6_sent, struct sock *sk, struct msghdr *message, unsigned long length,
	     int result)
{
	return HT_NO_PREEMPT(ht_on_sent(sk, message, result, true));
}

SEC("fexit/packet_sendmsg")
int BPF_PROG(ht_frames_sent, struct socket *socket, struct msghdr *message, unsigned long length,
	     int result)
{
	return HT_NO_PREEMPT(ht_on_frames_sent(socket, result));
}

/* Lets every packet pass. */
SEC("cgroup_skb/egress")
int ht_egress(struct __sk_buff *ctx)
{
	ht_on_egress(ctx);
	return 1;
}

/* Handover of a socket from one process to another: best first. */

SEC("fentry/security_file_receive")
int BPF_PROG(ht_file_received_fentry, struct file *file)
{
	return HT_NO_PREEMPT(ht_on_file_received(file));
}

SEC("kprobe/security_file_receive")
int BPF_KPROBE(ht_file_received_kprobe, struct file *file)
{
	return ht_on_file_received(file);
}

/* PAM and sshd: user space attaches these to every libpam and libc that it finds. */

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
	return ht_on_syslog(ctx, format, message);
}

SEC("uprobe")
int BPF_KPROBE(ht_syslog, int priority, const char *format, const char *message)
{
	return ht_on_syslog(ctx, format, message);
}

/* Login servers' own calls: user space attaches these to the linkage tables of these programs.
 * "_chk": the function of the C library that also checks sizes. */

SEC("uprobe")
int BPF_KPROBE(ht_sshd_key, void *result, const char *format, const void *list)
{
	return ht_on_key_format(format, list);
}

SEC("uprobe")
int BPF_KPROBE(ht_sshd_key_chk, void *result, int flag, const char *format, const void *list)
{
	return ht_on_key_format(format, list);
}

SEC("uprobe")
int BPF_KPROBE(ht_sshd_method, const char *text, long size, const char *format, const void *list)
{
	return ht_on_method_format(text, format, list);
}

SEC("uprobe")
int BPF_KPROBE(ht_sshd_method_chk, const char *text, long size, int flag, long space,
	       const char *format)
{
	return ht_on_method_format(text, format, (const void *)ht_sixth_argument(ctx));
}

SEC("uprobe")
int BPF_KPROBE(ht_sshd_line, const char *text, long size)
{
	return ht_on_line_format(size, ht_sixth_argument(ctx),
				 (const char *)ht_later_argument(ctx, 7));
}

SEC("uprobe")
int BPF_KPROBE(ht_sshd_line_chk, const char *text, long size)
{
	return ht_on_line_format(size, ht_later_argument(ctx, 8),
				 (const char *)ht_later_argument(ctx, 9));
}

SEC("uprobe")
int BPF_KPROBE(ht_dropbear_syslog, int priority, const char *format, const char *message)
{
	return ht_on_dropbear_line(message);
}

SEC("uprobe")
int BPF_KPROBE(ht_dropbear_syslog_chk, int priority, int flag, const char *format,
	       const char *message)
{
	return ht_on_dropbear_line(message);
}

SEC("uprobe")
int BPF_KPROBE(ht_dropbear_stderr, void *file, const char *format, int pid, const char *time,
	       const char *message)
{
	return ht_on_dropbear_line(message);
}

SEC("uprobe")
int BPF_KPROBE(ht_dropbear_stderr_chk)
{
	return ht_on_dropbear_line((const char *)ht_sixth_argument(ctx));
}

/* Watched files. */

SEC("lsm/file_open")
int BPF_PROG(ht_file_open_lsm, struct file *file)
{
	if (!ht_is_open_of_interest(file, HT_TYPED))
		return 0;
	return HT_NO_PREEMPT(ht_on_file_open(file, HT_TYPED));
}

SEC("fentry/security_file_open")
int BPF_PROG(ht_file_open_fentry, struct file *file)
{
	if (!ht_is_open_of_interest(file, HT_TYPED))
		return 0;
	return HT_NO_PREEMPT(ht_on_file_open(file, HT_TYPED));
}

SEC("kprobe/security_file_open")
int BPF_KPROBE(ht_file_open_kprobe, struct file *file)
{
	return ht_is_open_of_interest(file, HT_UNTYPED) ? ht_on_file_open(file, HT_UNTYPED) : 0;
}

SEC("tp/syscalls/sys_exit_open")
int ht_open_exit(struct trace_event_raw_sys_exit *ctx)
{
	return ht_on_open_exit(ctx->ret);
}

SEC("tp/syscalls/sys_exit_openat")
int ht_openat_exit(struct trace_event_raw_sys_exit *ctx)
{
	return ht_on_open_exit(ctx->ret);
}

SEC("tp/syscalls/sys_exit_openat2")
int ht_openat2_exit(struct trace_event_raw_sys_exit *ctx)
{
	return ht_on_open_exit(ctx->ret);
}

SEC("tp/syscalls/sys_exit_creat")
int ht_creat_exit(struct trace_event_raw_sys_exit *ctx)
{
	return ht_on_open_exit(ctx->ret);
}

SEC("tp/syscalls/sys_exit_open_by_handle_at")
int ht_open_by_handle_at_exit(struct trace_event_raw_sys_exit *ctx)
{
	return ht_on_open_exit(ctx->ret);
}

SEC("lsm/inode_rename")
int BPF_PROG(ht_rename_lsm, struct inode *old_directory, struct dentry *old_dentry,
	     struct inode *new_directory, struct dentry *new_dentry)
{
	return HT_NO_PREEMPT(ht_on_rename(old_dentry, new_dentry));
}

SEC("lsm/inode_link")
int BPF_PROG(ht_link_lsm, struct dentry *old_dentry, struct inode *directory,
	     struct dentry *new_dentry)
{
	return HT_NO_PREEMPT(ht_on_link(old_dentry, new_dentry));
}

SEC("lsm/inode_symlink")
int BPF_PROG(ht_symlink_lsm, struct inode *directory, struct dentry *dentry)
{
	return HT_NO_PREEMPT(ht_on_symlink(dentry));
}

SEC("fentry/security_inode_rename")
int BPF_PROG(ht_rename_fentry, struct inode *old_directory, struct dentry *old_dentry,
	     struct inode *new_directory, struct dentry *new_dentry)
{
	return HT_NO_PREEMPT(ht_on_rename(old_dentry, new_dentry));
}

SEC("fentry/security_inode_link")
int BPF_PROG(ht_link_fentry, struct dentry *old_dentry, struct inode *directory,
	     struct dentry *new_dentry)
{
	return HT_NO_PREEMPT(ht_on_link(old_dentry, new_dentry));
}

SEC("fentry/security_inode_symlink")
int BPF_PROG(ht_symlink_fentry, struct inode *directory, struct dentry *dentry)
{
	return HT_NO_PREEMPT(ht_on_symlink(dentry));
}

SEC("kprobe/security_inode_rename")
int BPF_KPROBE(ht_rename_kprobe, struct inode *old_directory, struct dentry *old_dentry,
	       struct inode *new_directory, struct dentry *new_dentry)
{
	return ht_on_rename(old_dentry, new_dentry);
}

SEC("kprobe/security_inode_link")
int BPF_KPROBE(ht_link_kprobe, struct dentry *old_dentry, struct inode *directory,
	       struct dentry *new_dentry)
{
	return ht_on_link(old_dentry, new_dentry);
}

SEC("kprobe/security_inode_symlink")
int BPF_KPROBE(ht_symlink_kprobe, struct inode *directory, struct dentry *dentry)
{
	return ht_on_symlink(dentry);
}

/* User space runs it for one of its descriptors, to get the file's key; it is never attached. */
SEC("raw_tp")
int ht_resolve(struct bpf_raw_tracepoint_args *ctx)
{
	return ht_resolve_fd(ctx->args[0]);
}

/* Credentials and namespaces. Comparisons at fork, exec and exit find what these miss. */

SEC("fentry/commit_creds")
int BPF_PROG(ht_commit_creds_fentry, const struct cred *cred)
{
	return HT_NO_PREEMPT(ht_on_commit_creds(cred, HT_TYPED));
}

SEC("kprobe/commit_creds")
int BPF_KPROBE(ht_commit_creds_kprobe, const struct cred *cred)
{
	return ht_on_commit_creds(cred, HT_UNTYPED);
}

SEC("fentry/switch_task_namespaces")
int BPF_PROG(ht_switch_namespaces_fentry, struct task_struct *task, struct nsproxy *proxy)
{
	if (!proxy) /* the end of any process */
		return 0;
	return HT_NO_PREEMPT(ht_on_switch_namespaces(task, proxy, HT_TYPED));
}

SEC("kprobe/switch_task_namespaces")
int BPF_KPROBE(ht_switch_namespaces_kprobe, struct task_struct *task, struct nsproxy *proxy)
{
	return ht_on_switch_namespaces(task, proxy, HT_UNTYPED);
}

/* Tampering with the sensor itself. */

SEC("tp_btf/signal_generate")
int BPF_PROG(ht_signal_generate, int signal, struct kernel_siginfo *info, struct task_struct *task)
{
	return HT_NO_PREEMPT(ht_on_signal(task, signal, info));
}

SEC("lsm/task_kill")
int BPF_PROG(ht_kill_lsm, struct task_struct *task, struct kernel_siginfo *info, int signal)
{
	return HT_NO_PREEMPT(ht_on_signal(task, signal, info));
}

SEC("fentry/security_task_kill")
int BPF_PROG(ht_kill_fentry, struct task_struct *task, struct kernel_siginfo *info, int signal)
{
	return HT_NO_PREEMPT(ht_on_signal(task, signal, info));
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(ht_ptrace_lsm, struct task_struct *task, unsigned int mode)
{
	return HT_NO_PREEMPT(ht_on_ptrace_access(task, mode));
}

SEC("fentry/security_ptrace_access_check")
int BPF_PROG(ht_ptrace_fentry, struct task_struct *task, unsigned int mode)
{
	return HT_NO_PREEMPT(ht_on_ptrace_access(task, mode));
}

SEC("kprobe/security_ptrace_access_check")
int BPF_KPROBE(ht_ptrace_kprobe, struct task_struct *task, unsigned int mode)
{
	return ht_on_ptrace_access(task, mode);
}

SEC("lsm/bpf")
int BPF_PROG(ht_bpf_lsm, int command, void *attributes)
{
	return HT_NO_PREEMPT(ht_on_bpf(command, attributes));
}

SEC("fentry/security_bpf")
int BPF_PROG(ht_bpf_fentry, int command, void *attributes)
{
	return HT_NO_PREEMPT(ht_on_bpf(command, attributes));
}

SEC("kprobe/security_bpf")
int BPF_KPROBE(ht_bpf_kprobe, int command, void *attributes)
{
	return ht_on_bpf(command, attributes);
}

SEC("tp/syscalls/sys_exit_bpf")
int ht_bpf_exit(struct trace_event_raw_sys_exit *ctx)
{
	/* Only the lower half of `id` is written. */
	return ht_on_bpf_exit((int)ctx->id, ctx->ret);
}

SEC("fentry/bpf_map_mmap")
int BPF_PROG(ht_map_mmap_fentry, struct file *file, struct vm_area_struct *area)
{
	return HT_NO_PREEMPT(ht_on_map_mmap(file, area));
}

SEC("kprobe/bpf_map_mmap")
int BPF_KPROBE(ht_map_mmap_kprobe, struct file *file, struct vm_area_struct *area)
{
	return ht_on_map_mmap(file, area);
}

/* Processes and sockets that exist already. */

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
