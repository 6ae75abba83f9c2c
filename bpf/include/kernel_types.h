/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The kernel contract on one page: the kernel structs and fields that the programs read, nothing
 * else. libbpf fills in the offsets from the running kernel's own BTF when it loads the programs,
 * so neither the order nor the size of anything here matters. compat.h handles fields that were
 * renamed between kernels.
 */
#ifndef HOPTRAIL_BPF_INCLUDE_KERNEL_TYPES_H_
#define HOPTRAIL_BPF_INCLUDE_KERNEL_TYPES_H_

/* This page replaces a generated vmlinux.h: makes libbpf's PT_REGS_* use the kernel's own names of
 * the registers. */
#define __VMLINUX_H__

#include <linux/bpf.h>
#include <linux/types.h>

typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

#define PF_KTHREAD 0x00200000
#define SIGNAL_GROUP_EXIT 0x00000004
#define SOCK_DONE 1 /* enum sock_flags: a FIN was received */
#define EEXIST 17
#define AT_NULL 0
#define AT_SECURE 23
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define SOCK_RAW 3
#define SOCK_BINDPORT_LOCK 8 /* of sock::sk_userlocks: the caller chose the port */
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_UDPLITE 136
#define IPPROTO_RAW 255
#define IPPROTO_MPTCP 262
#define FMODE_READ 0x1
#define FMODE_WRITE 0x2
#define FMODE_PATH 0x4000      /* opened with O_PATH: no access */
#define FMODE_CREATED 0x100000 /* created by this open */
#define FMODE_EXEC 0x20	       /* in f_flags: opened for an exec */
#define O_TRUNC 01000
#define PTRACE_MODE_ATTACH 0x2
#define SIGSTOP 19
#define VM_WRITE 0x2
#define SI_USER 0
#define SI_QUEUE -1
#define SI_TKILL -6
#define IORING_OP_NOP 0
#define IORING_OP_ACCEPT 13
#define IORING_OP_CONNECT 16
#define IORING_OP_OPENAT 18
#define IORING_OP_OPENAT2 28
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define S_IFCHR 0020000
#define S_IFIFO 0010000

enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_SYN_RECV = 3,
	TCP_FIN_WAIT1 = 4,
	TCP_FIN_WAIT2 = 5,
	TCP_CLOSE = 7,
	TCP_CLOSE_WAIT = 8,
	TCP_LAST_ACK = 9,
	TCP_LISTEN = 10,
	TCP_CLOSING = 11,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	__u32 val;
} kuid_t;

typedef struct {
	__u32 val;
} kgid_t;

struct ns_common {
	unsigned int inum;
};

struct user_namespace {
	struct ns_common ns;
};

struct pid_namespace {
	struct ns_common ns;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct net {
	struct ns_common ns;
};

struct uts_namespace {
	struct ns_common ns;
};

struct ipc_namespace {
	struct ns_common ns;
};

struct cgroup_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct cgroup_namespace *cgroup_ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

enum pid_type { PIDTYPE_TGID = 1 };

struct pid {
	unsigned int level;
	struct hlist_head tasks[2];
	struct upid numbers[1];
};

typedef struct {
	__u32 cap[2]; /* up to 6.2 */
	__u64 val;    /* from 6.3 on */
} kernel_cap_t;

struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t euid;
	kgid_t egid;
	kernel_cap_t cap_permitted;
	kernel_cap_t cap_effective;
	struct user_namespace *user_ns;
};

struct list_head {
	struct list_head *next;
};

struct kernfs_node {
	struct kernfs_node *parent; /* up to 6.14 */
	struct kernfs_node *__parent;
	const char *name;
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
	struct list_head cgrp_links; /* of cgrp_cset_link: the group of each hierarchy */
};

struct cgrp_cset_link {
	struct cgroup *cgrp;
	struct list_head cgrp_link;
};

struct super_block {
	__u32 s_dev;
};

struct inode {
	unsigned short i_mode;
	kuid_t i_uid;
	__u32 i_rdev;
	unsigned int i_nlink;
	unsigned long i_ino;
	struct super_block *i_sb;
	__u32 i_generation;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	unsigned int f_mode;
	unsigned int f_flags;
	struct path f_path;
	struct inode *f_inode;
	void *private_data;
};

struct vm_area_struct {
	unsigned long vm_flags;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	struct path root;
	struct path pwd;
};

struct task_struct;

struct mm_struct {
	struct task_struct *owner;
	unsigned long saved_auxv[2]; /* in fact longer: pairs of type and value, up to AT_NULL */
	unsigned long start_code; /* of the executable file, not of its libraries */
	unsigned long end_code;
	unsigned long arg_start;
	unsigned long arg_end;
	struct file *exe_file;
};

struct signal_struct {
	atomic_t live;
	unsigned int flags;
	int group_exit_code;
};

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	int exit_code;
	__u64 self_exec_id; /* grows with each exec */
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct hlist_node pid_links[2];
	void *stack;
	__u64 start_boottime;
	const struct cred *real_cred;
	kuid_t loginuid;	/* CONFIG_AUDIT */
	unsigned int sessionid; /* CONFIG_AUDIT */
	char comm[16];
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct css_set *cgroups;
};

struct kernel_siginfo {
	int si_code;
};

struct bpf_prog_aux {
	__u32 id;
};

struct bpf_prog {
	struct bpf_prog_aux *aux;
};

struct bpf_map {
	__u32 id;
};

struct bpf_link {
	__u32 id;
};

struct linux_binprm {
	unsigned int secureexec : 1;
};

struct in6_addr {
	union {
		__u8 u6_addr8[16];
	} in6_u;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;	  /* CONFIG_IPV6 */
	struct in6_addr skc_v6_rcv_saddr; /* CONFIG_IPV6 */
	unsigned long skc_flags;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
	__u16 sk_type;
	int sk_err;
	unsigned int sk_userlocks : 4;
	kuid_t sk_uid;
	struct socket *sk_socket;
	struct pid *sk_peer_pid;
	const struct cred *sk_peer_cred;
};

struct inet_sock {
	__be16 inet_sport;
};

struct socket {
	struct file *file;
	struct sock *sk;
};

struct sockaddr_un {
	char sun_path[108];
};

struct unix_address {
	int len;
	struct sockaddr_un name[0];
};

struct unix_sock {
	struct unix_address *addr;
	struct path path;
	struct sock *peer;
};

struct msghdr {
	void *msg_name; /* the kernel's own copy */
	int msg_namelen;
};

struct sk_buff {
	struct sock *sk;
	unsigned int len;
	unsigned char *head;
	__u16 transport_header;
	__u16 network_header;
};

struct tcp_sock {
	__u32 rcv_nxt;
	__u32 snd_nxt;
	__u32 snd_una;
	__u64 bytes_received;
	__u64 bytes_sent;
	__u64 bytes_retrans;
	__u64 bytes_acked;
	__u32 srtt_us; /* eighths of a microsecond */
};

/* Has TCP sockets (subflows) under it, one a path through the network. */
struct mptcp_sock {
	struct sock *first;
};

/* From 6.10 on inet_csk_accept takes one of these: see ht_accept_result. */
struct proto_accept_arg {
	int flags;
};

struct io_uring_task {
	struct task_struct *task;
};

struct io_cqe {
	__s32 res;
};

/* One request to io_uring. */
struct io_kiocb {
	struct file *file;
	__u8 opcode;
	struct io_cqe cqe;	    /* from 5.19 on */
	struct task_struct *task;   /* up to 6.12 */
	struct io_uring_task *tctx; /* from 6.13 on */
};

/* The first part of a request, by its opcode. */
struct io_open {
	__u32 file_slot;
};

struct io_accept {
	__u32 file_slot;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

struct trace_event_raw_inet_sock_set_state {
	const void *skaddr;
	int oldstate;
	int newstate;
};

struct trace_event_raw_sys_exit {
	long id;
	long ret;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long ax;
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long r8;
	unsigned long r9;
	unsigned long orig_ax;
	unsigned long sp;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31];
	__u64 sp;
};
struct pt_regs {
	__u64 orig_x0;
	int syscallno;
};
#endif

#pragma clang attribute pop

#endif /* HOPTRAIL_BPF_INCLUDE_KERNEL_TYPES_H_ */
