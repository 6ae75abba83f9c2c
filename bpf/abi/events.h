/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the kernel side tells: the layout of every record. Plain C, shared by the BPF programs and
 * the agent, and the only header that both sides see. All numbers are in host order; the sizes
 * below are asserted on both sides.
 *
 * A record is one ht_header, its type's fixed fields, and for some types counted variable parts
 * behind them, in the order in which the fixed fields count them.
 */
#ifndef HOPTRAIL_BPF_ABI_EVENTS_H_
#define HOPTRAIL_BPF_ABI_EVENTS_H_

#ifdef __cplusplus
#include <cstdint>
#define HT_ASSERT_SIZE(type, bytes) static_assert(sizeof(type) == (bytes), #type)
#else
#include <stdint.h>
#define HT_ASSERT_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)
#endif

#define HT_COMM_BYTES 16
#define HT_NAME_BYTES 256 /* one path component with its NUL */
#define HT_PATH_BYTES 4096
#define HT_ARGUMENT_BYTES 4096
#define HT_CGROUP_BYTES 2048
#define HT_STREAMS 3
#define HT_PAM_SERVICE_BYTES 32
#define HT_PAM_USER_BYTES 64
#define HT_PAM_HOST_BYTES 128
#define HT_PAM_TERMINAL_BYTES 64
#define HT_SSHD_BYTES 512
#define HT_NO_LOGIN 0xffffffffu

enum ht_type {
	HT_TYPE_UNKNOWN = 0,
	HT_TYPE_FORK = 1,
	HT_TYPE_EXEC = 2,
	HT_TYPE_EXIT = 3,
	HT_TYPE_TCP = 4,
	HT_TYPE_ACCEPT = 5,
	HT_TYPE_PAM = 6,
	HT_TYPE_SSHD = 7,
	HT_TYPE_PROCESS_SNAPSHOT = 8,
	HT_TYPE_SOCKET_SNAPSHOT = 9,
	HT_TYPE_SNAPSHOT_DONE = 10, /* made in user space */
	HT_TYPE_LOST = 11,	    /* made in user space */
	HT_TYPE_UNIX_CONNECT = 12,
	HT_TYPE_DATAGRAM_FLOW = 13,
	HT_TYPE_FILE = 14,
	HT_TYPE_CREDENTIALS = 15,
	HT_TYPE_NAMESPACES = 16,
	HT_TYPE_TAMPERING = 17,
	HT_TYPES = 18,
};

/* What people call them: initialises an array of HT_TYPES strings, in the order above. */
#define HT_TYPE_NAMES                                                                              \
	{                                                                                          \
		"unknown", "fork", "exec", "exit", "tcp", "accept", "pam", "sshd",                 \
			"process_snapshot", "socket_snapshot", "snapshot_done", "lost",            \
			"unix_connect", "datagram_flow", "file", "credentials", "namespaces", "tampering"  \
	}

/* Which ring carries a record: what paths are made of, and the rest. */
enum ht_ring { HT_RING_HIGH = 0, HT_RING_LOW = 1, HT_RINGS = 2 };

/* Tables of the kernel side that can be full. */
enum ht_table { HT_TABLE_PROCESSES = 0, HT_TABLE_SOCKETS = 1, HT_TABLES = 2 };

/*
 * Counted by each CPU in its own entry of the map `losses`; they only grow.
 *
 * `skipped` is written by user space, in the first entry: the kernel does not run a program that it
 * interrupted on the same CPU and only counts that (bpf_prog_info::recursion_misses). Not
 * every run makes a record, so it is the most that may be missing.
 */
struct ht_losses {
	uint64_t records[HT_RINGS][HT_TYPES]; /* not written for want of room in the ring */
	uint64_t entries[HT_TABLES];	      /* not remembered for want of room in the table */
	uint64_t refused[HT_RINGS][HT_TYPES]; /* not written because the cgroup's budget was spent */
	uint64_t skipped[HT_TYPES];	      /* runs of the programs that make such records */
};
HT_ASSERT_SIZE(struct ht_losses, 736);

/* Why records are missing. */
enum ht_loss_cause {
	HT_LOSS_FULL = 0,
	HT_LOSS_BUDGET = 1,
	HT_LOSS_RECURSION = 2, /* of no ring: counted as the first one's */
	HT_LOSS_CAUSES = 3
};

/* What people call the place of a loss, by cause and ring. */
#define HT_LOSS_PLACES                                                                             \
	{                                                                                          \
		{ "ring/high", "ring/low" }, { "budget/high", "budget/low" },                      \
		{                                                                                  \
			"skipped", "skipped"                                                       \
		}                                                                                  \
	}

/* A process: its thread group, parent, credentials and namespaces. Zero where unknown. */
struct ht_identity {
	uint64_t start_ns; /* task_struct::group_leader->start_boottime */
	uint64_t parent_start_ns;
	uint64_t tag_start_ns;
	uint64_t cgroup_id; /* of the default (version 2) hierarchy */
	uint32_t tgid;
	uint32_t tid;
	uint32_t parent_tgid;
	uint32_t tag_tgid;
	uint32_t uid;
	uint32_t euid;
	uint32_t gid;
	uint32_t egid;
	uint32_t login_uid;
	uint32_t audit_session;
	uint32_t pid_namespace; /* inode numbers */
	uint32_t mount_namespace;
	uint32_t network_namespace;
	uint32_t user_namespace;
	char comm[HT_COMM_BYTES];
};
HT_ASSERT_SIZE(struct ht_identity, 104);

struct ht_header {
	uint32_t size; /* of the whole record, header included */
	uint16_t type; /* ht_type */
	uint16_t reserved;
	uint32_t cpu;
	uint32_t reserved2;
	uint64_t boot_ns;
	struct ht_identity who;
};
HT_ASSERT_SIZE(struct ht_header, 128);

/* One counted variable part. */
struct ht_text {
	uint16_t length; /* bytes */
	uint16_t cut;	 /* 1: there was more */
};
HT_ASSERT_SIZE(struct ht_text, 4);

enum ht_side { HT_SIDE_UNKNOWN = 0, HT_SIDE_CLIENT = 1, HT_SIDE_SERVER = 2 };

/* A TCP socket. Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d; for a listening socket only the
 * server's half is set. The sequence numbers are zero until the connection is established. */
struct ht_connection {
	uint64_t socket; /* names the socket while it lives; 0: none */
	uint32_t network_namespace;
	uint32_t rtt_us;
	uint32_t client_isn;
	uint32_t server_isn;
	uint8_t client_address[16];
	uint8_t server_address[16];
	uint16_t client_port;
	uint16_t server_port;
	uint8_t side; /* ht_side */
	uint8_t listening;
	uint16_t reserved;
};
HT_ASSERT_SIZE(struct ht_connection, 64);

struct ht_fork {
	struct ht_header header; /* of the parent */
	uint64_t child_start_ns;
	uint64_t child_tag_start_ns;
	uint32_t child_tgid;
	uint32_t child_tag_tgid;
};
HT_ASSERT_SIZE(struct ht_fork, 152);

enum ht_stream_kind {
	HT_STREAM_UNKNOWN = 0,
	HT_STREAM_CLOSED = 1,
	HT_STREAM_FILE = 2,
	HT_STREAM_TERMINAL = 3,
	HT_STREAM_PIPE = 4,
	HT_STREAM_TCP = 5,
	HT_STREAM_UNIX = 6,
	HT_STREAM_OTHER = 7,
};

struct ht_stream {
	uint64_t inode;
	uint32_t device; /* terminals: major << 20 | minor */
	uint8_t kind;	 /* ht_stream_kind */
	uint8_t reserved[3];
	struct ht_connection tcp; /* HT_STREAM_TCP */
};
HT_ASSERT_SIZE(struct ht_stream, 80);

#define HT_EXEC_SET_ID 1u  /* the program runs with privileges that its caller did not have */
#define HT_EXEC_MEMORY 2u  /* the executable never had a place in a directory: memfd */
#define HT_EXEC_DELETED 4u /* the executable had one, and no name of it is left */
#define HT_EXEC_CGROUPS 8u /* `cgroups` is told: of an exec only where they are not the parent's */

/* HT_TYPE_EXEC and HT_TYPE_PROCESS_SNAPSHOT. Behind it: the path and the working directory, each
 * as its components from the last to the first with a NUL behind each; the control groups that are
 * no hierarchy's root, each written like a path, with one NUL more behind each; then the arguments,
 * a NUL behind each. */
struct ht_exec {
	struct ht_header header;
	uint64_t inode;	 /* of the executable */
	uint32_t device; /* of its file system: major << 20 | minor */
	uint32_t flags;	 /* HT_EXEC_* */
	struct ht_stream streams[HT_STREAMS];
	struct ht_text path;
	struct ht_text directory;
	struct ht_text cgroups;
	struct ht_text arguments;
};
HT_ASSERT_SIZE(struct ht_exec, 400);

struct ht_exit {
	struct ht_header header;
	int32_t status; /* as wait(2) tells it */
	uint32_t reserved;
};
HT_ASSERT_SIZE(struct ht_exit, 136);

enum ht_tcp_phase {
	HT_TCP_UNKNOWN = 0,
	HT_TCP_LISTEN = 1,
	HT_TCP_CONNECT = 2,
	HT_TCP_ESTABLISHED = 3,
	HT_TCP_FAILED = 4,
	HT_TCP_CLOSED = 5,
};

struct ht_tcp {
	struct ht_header header; /* of the socket's owner; tgid 0: unknown */
	struct ht_connection connection;
	uint64_t bytes_sent; /* of data, each byte once */
	uint64_t bytes_received;
	int32_t error; /* HT_TCP_FAILED: errno; 0: given up by its owner */
	uint8_t phase; /* ht_tcp_phase */
	uint8_t reserved[3];
};
HT_ASSERT_SIZE(struct ht_tcp, 216);

struct ht_accept {
	struct ht_header header;
	struct ht_connection connection;
	uint32_t first_use;   /* 1: seen by the first use of the socket */
	uint32_t handed_over; /* 1: from its owner to another process, on either side */
};
HT_ASSERT_SIZE(struct ht_accept, 200);

enum ht_pam_step {
	HT_PAM_UNKNOWN = 0,
	HT_PAM_AUTHENTICATE = 1,
	HT_PAM_OPEN_SESSION = 2,
	HT_PAM_CLOSE_SESSION = 3,
};

struct ht_pam {
	struct ht_header header;
	int32_t result;
	uint8_t step; /* ht_pam_step */
	uint8_t verified;
	uint16_t reserved;
	struct ht_text service;
	struct ht_text user;
	struct ht_text remote_host;
	struct ht_text terminal;
	char service_bytes[HT_PAM_SERVICE_BYTES];
	char user_bytes[HT_PAM_USER_BYTES];
	char remote_host_bytes[HT_PAM_HOST_BYTES];
	char terminal_bytes[HT_PAM_TERMINAL_BYTES];
};
HT_ASSERT_SIZE(struct ht_pam, 440);

struct ht_sshd {
	struct ht_header header;
	struct ht_text text;
	uint8_t verified;
	uint8_t reserved[3];
	char bytes[HT_SSHD_BYTES];
};
HT_ASSERT_SIZE(struct ht_sshd, 648);

struct ht_socket_snapshot {
	struct ht_header header;
	struct ht_connection connection;
};
HT_ASSERT_SIZE(struct ht_socket_snapshot, 192);

struct ht_lost {
	struct ht_header header;
	uint64_t count;
	uint32_t ring;	      /* ht_ring */
	uint32_t record_type; /* ht_type */
	uint32_t cause;	      /* ht_loss_cause */
	uint32_t reserved;
};
HT_ASSERT_SIZE(struct ht_lost, 152);

/* How far a snapshot is. Sockets are walked twice, because the side of a connection may depend on
 * who listens: listening sockets first, connections then. */
enum ht_snapshot_walk { HT_WALK_LISTENERS = 0, HT_WALK_CONNECTIONS = 1, HT_WALK_DONE = 2 };

enum ht_file_action {
	HT_FILE_UNKNOWN = 0,
	HT_FILE_OPEN = 1,
	HT_FILE_RENAME = 2, /* into a watched directory, or over a watched file */
	HT_FILE_LINK = 3,   /* a further name for it, in a watched directory */
	HT_FILE_SYMLINK = 4, /* a watched name that leads elsewhere: no inode yet, nor mode */
};

#define HT_FILE_READ 1u
#define HT_FILE_WRITE 2u
#define HT_FILE_CREATED 4u   /* it was not there before */
#define HT_FILE_TRUNCATED 8u /* where the hook can see it */

/* A watched file. Behind it: the path, components as in ht_exec. */
struct ht_file {
	struct ht_header header;
	uint64_t inode;
	uint32_t device; /* major << 20 | minor */
	uint32_t mode;	 /* type and permissions */
	uint32_t owner;
	uint32_t repeats; /* opens by this process, as this record tells, since the last such record */
	uint16_t flags;	  /* HT_FILE_* */
	uint8_t action;	  /* ht_file_action */
	uint8_t reserved;
	struct ht_text path;
};
HT_ASSERT_SIZE(struct ht_file, 160);

/* What a task may do: its own credentials and what the login left on it. */
struct ht_credential_set {
	uint64_t effective; /* capabilities, one bit each */
	uint64_t permitted;
	uint32_t uid;
	uint32_t euid;
	uint32_t gid;
	uint32_t egid;
	uint32_t login_uid;
	uint32_t audit_session;
};
HT_ASSERT_SIZE(struct ht_credential_set, 40);

/* Inode numbers. A process never changes its own pid namespace, only that of its children. */
struct ht_namespace_set {
	uint32_t children_pid;
	uint32_t mount;
	uint32_t network;
	uint32_t user;
	uint32_t uts;
	uint32_t ipc;
	uint32_t cgroup;
	uint32_t reserved;
};
HT_ASSERT_SIZE(struct ht_namespace_set, 32);

/* How a change came to be known. */
enum ht_change {
	HT_CHANGE_UNKNOWN = 0,
	HT_CHANGE_MADE = 1,	/* seen when it was made */
	HT_CHANGE_COMPARED = 2, /* found later, at fork, exec or exit */
	HT_CHANGE_CLONE = 3,	/* a new process differs from its parent */
};

struct ht_credentials {
	struct ht_header header;
	struct ht_credential_set before;
	struct ht_credential_set after;
	uint8_t change; /* ht_change */
	uint8_t reserved[7];
};
HT_ASSERT_SIZE(struct ht_credentials, 216);

struct ht_namespaces {
	struct ht_header header; /* HT_CHANGE_CLONE: of the new process */
	struct ht_namespace_set before;
	struct ht_namespace_set after;
	uint8_t change; /* ht_change */
	uint8_t reserved[7];
};
HT_ASSERT_SIZE(struct ht_namespaces, 200);

enum ht_tampering_kind {
	HT_TAMPERING_UNKNOWN = 0,
	HT_TAMPERING_SIGNAL = 1,
	HT_TAMPERING_PTRACE = 2, /* or anything else that takes the right to trace: memory, descriptors */
	HT_TAMPERING_BPF = 3,	 /* one of our programs, maps or links was looked at or used */
	HT_TAMPERING_MMAP = 4,	 /* one of our maps was mapped for writing */
};

enum ht_object_kind {
	HT_OBJECT_UNKNOWN = 0,
	HT_OBJECT_PROGRAM = 1,
	HT_OBJECT_MAP = 2,
	HT_OBJECT_LINK = 3,
};

/* Somebody else laid hands on the sensor: the header says who. */
struct ht_tampering {
	struct ht_header header;
	uint64_t target_start_ns; /* signal, ptrace */
	uint32_t target_tgid;	  /* signal, ptrace */
	uint32_t signal;
	uint32_t bpf_command; /* HT_TAMPERING_BPF: enum bpf_cmd */
	uint32_t object_id;
	uint8_t kind;	     /* ht_tampering_kind */
	uint8_t object_kind; /* ht_object_kind */
	uint16_t reserved;
	uint32_t repeats; /* the same by the same process since the last such record */
	char target_comm[HT_COMM_BYTES];
};
HT_ASSERT_SIZE(struct ht_tampering, 176);

enum ht_unix_name {
	HT_UNIX_UNNAMED = 0,
	HT_UNIX_PATH = 1,     /* components as in ht_exec, from the file system */
	HT_UNIX_BOUND = 2,    /* what it was bound to, word for word: perhaps a relative path */
	HT_UNIX_ABSTRACT = 3, /* bytes of no file system, without the NUL at their beginning */
};

/* A UNIX connect that succeeded. Behind it: the peer socket's name. The peer is the process that
 * called listen; where it has ended, its number alone is left. */
struct ht_unix_connect {
	struct ht_header header;
	uint64_t peer_start_ns; /* 0: unknown */
	uint64_t inode;		/* of the socket's file; HT_UNIX_PATH */
	uint32_t peer_tgid;	/* 0: unknown, as for datagrams */
	uint32_t peer_uid;	/* effective, when it called listen; datagrams: the socket's owner */
	uint32_t peer_audit_session;
	uint32_t peer_pid_namespace;
	uint32_t repeats;    /* connects by the same process to the same socket since the last record */
	uint16_t socket_type; /* SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET */
	uint8_t name_kind;    /* ht_unix_name */
	uint8_t reserved;
	struct ht_text name;
	uint32_t reserved2;
};
HT_ASSERT_SIZE(struct ht_unix_connect, 176);

/*
 * What one process has sent to one peer since the last such record: no connection, so no other
 * record tells of it. The first record of a flow comes with its first packet.
 */
struct ht_datagram_flow {
	struct ht_header header;
	uint64_t packets;
	uint64_t bytes; /* of payload; of raw and ICMP sockets, of all that follows the IP header */
	uint8_t peer_address[16];
	uint32_t network_namespace;
	uint16_t peer_port;  /* 0: none, or any that a server answers */
	uint16_t local_port; /* of a server that answers; otherwise 0 */
	uint8_t protocol;    /* IPPROTO_*; IPPROTO_RAW with no peer: frames of a packet socket */
	uint8_t raw;	     /* 1: by a raw socket */
	uint8_t first;	     /* 1: the flow's first record */
	uint8_t reserved[5];
};
HT_ASSERT_SIZE(struct ht_datagram_flow, 176);

/* Tables of the kernel side that user space fills. */

/* A file as the kernel names it, which on some file systems is not as stat(2) does. */
struct ht_file_name {
	uint64_t inode;
	uint32_t device; /* major << 20 | minor */
	uint32_t reserved;
};
HT_ASSERT_SIZE(struct ht_file_name, 16);

#define HT_WATCH_READS 1u
#define HT_WATCH_WRITES 2u
#define HT_WATCH_NAMES 4u /* some names in this directory are in watched_names */

struct ht_watch {
	uint32_t flags; /* HT_WATCH_* */
	uint32_t round; /* of user space's search that found it last; 0: none yet */
};
HT_ASSERT_SIZE(struct ht_watch, 8);

#define HT_WATCHED_FILES 8192 /* and as many names */

/* Before the table is looked into: where the byte at this place of ht_watch_filter is 0, no file of
 * that inode number is watched. */
#define HT_WATCH_FILTER_BYTES 65536
#define HT_WATCH_FILTER_SLOT(inode)                                                                \
	(((inode) ^ (inode) >> 16 ^ (inode) >> 32) & (HT_WATCH_FILTER_BYTES - 1))

#define HT_WATCHED_NAME_BYTES 32

struct ht_watched_name {
	struct ht_file_name directory;
	char name[HT_WATCHED_NAME_BYTES]; /* with its NUL; cut if it is longer */
};
HT_ASSERT_SIZE(struct ht_watched_name, 48);

struct ht_object {
	uint32_t kind; /* ht_object_kind */
	uint32_t id;
};
HT_ASSERT_SIZE(struct ht_object, 8);

/* The longest record that a ring or an iterator can hold. */
#define HT_RECORD_MAX                                                                              \
	(sizeof(struct ht_exec) + 2 * HT_PATH_BYTES + HT_CGROUP_BYTES + HT_ARGUMENT_BYTES)

#endif /* HOPTRAIL_BPF_ABI_EVENTS_H_ */
