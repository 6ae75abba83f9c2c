/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The layout of every record that the kernel side emits. Plain C, and the only header that the BPF
 * programs and the agent share. All numbers are in host order; both sides assert the sizes below.
 *
 * A record is one ht_header and its type's fixed fields. Some types have variable parts behind
 * these, in the order of the ht_text fields that hold their lengths.
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
	HT_TYPE_TRACE = 18,
	HT_TYPES = 19,
};

/* The types' names, for people: initialises an array of HT_TYPES strings, in the order above. */
#define HT_TYPE_NAMES                                                                              \
	{                                                                                          \
		"unknown", "fork", "exec", "exit", "tcp", "accept", "pam", "sshd",                 \
			"process_snapshot", "socket_snapshot", "snapshot_done", "lost",            \
			"unix_connect", "datagram_flow", "file", "credentials", "namespaces",      \
			"tampering", "trace"                                                       \
	}

/* The ring that carries a record: high for what paths are made of, low for the rest. */
enum ht_ring { HT_RING_HIGH = 0, HT_RING_LOW = 1, HT_RINGS = 2 };

/* Tables of the kernel side that can be full. */
enum ht_table { HT_TABLE_PROCESSES = 0, HT_TABLE_SOCKETS = 1, HT_TABLES = 2 };

/*
 * Each CPU counts in its own entry of the map `losses`; the counts only grow.
 *
 * User space writes `recursion_misses`, in the first entry: the kernel does not run a program that
 * is running on the same CPU already, and only counts that (bpf_prog_info::recursion_misses). Not
 * every run emits a record, so this is an upper bound of the records that are missing.
 */
struct ht_losses {
	uint64_t records[HT_RINGS][HT_TYPES]; /* not written: the ring was full */
	uint64_t entries[HT_TABLES];	      /* not stored: the table was full */
	uint64_t refused[HT_RINGS][HT_TYPES]; /* not written: the cgroup's budget was spent */
	uint64_t recursion_misses[HT_TYPES];  /* of the programs that emit such records */
};
HT_ASSERT_SIZE(struct ht_losses, 776);

/* Why records are missing. */
enum ht_loss_cause {
	HT_LOSS_FULL = 0,
	HT_LOSS_BUDGET = 1,
	HT_LOSS_RECURSION = 2, /* belongs to no ring; counted under HT_RING_HIGH */
	HT_LOSS_CAUSES = 3
};

/* The name of a loss's place, for people, by cause and ring. */
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
	uint64_t socket; /* id of the socket while it lives; 0: none */
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
#define HT_EXEC_DELETED 4u /* the executable had one, and none of its names is left */
/* `cgroups` is filled in: for an exec only where they differ from the parent's. */
#define HT_EXEC_CGROUPS 8u

/*
 * HT_TYPE_EXEC and HT_TYPE_PROCESS_SNAPSHOT. The variable parts are:
 * - the path and the working directory, each as its components from the last to the first, with a
 *   NUL behind each component;
 * - the control groups, without the roots of hierarchies, each as its components like a path, with
 *   one more NUL behind each group;
 * - the arguments, with a NUL behind each.
 */
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
	int32_t status; /* as wait(2) returns it */
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
	uint32_t first_use;   /* 1: inferred from the first use of the socket */
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

/* The kind of text in the bytes of a struct ht_sshd. */
enum ht_login_text {
	HT_LOGIN_SYSLOG = 0,   /* sshd's line for syslog */
	HT_LOGIN_STDERR = 1,   /* the same line for its standard error or log file */
	HT_LOGIN_DECISION = 2, /* a struct ht_decision of sshd */
	HT_LOGIN_DROPBEAR = 3, /* dropbear's line, wherever it goes */
};

struct ht_sshd {
	struct ht_header header;
	struct ht_text text;
	uint8_t verified;
	uint8_t kind; /* ht_login_text */
	uint8_t reserved[2];
	char bytes[HT_SSHD_BYTES];
};
HT_ASSERT_SIZE(struct ht_sshd, 648);

/* A method by which a client has succeeded, and the key that it has used last. Texts with their end. */
struct ht_decision {
	char method[64]; /* "publickey", "keyboard-interactive" */
	char key_type[64];
	char key_fingerprint[128];
	char certificate_id[256];
};
HT_ASSERT_SIZE(struct ht_decision, HT_SSHD_BYTES);

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

/* A snapshot walks over the sockets twice: first the listening ones, then the connections, because
 * the side of a connection may depend on who listens. */
enum ht_socket_walk { HT_WALK_LISTENERS = 0, HT_WALK_CONNECTIONS = 1 };

enum ht_file_action {
	HT_FILE_UNKNOWN = 0,
	HT_FILE_OPEN = 1,
	HT_FILE_RENAME = 2,  /* into a watched directory, or over a watched file */
	HT_FILE_LINK = 3,    /* a further name, in a watched directory */
	HT_FILE_SYMLINK = 4, /* a symbolic link under a watched name: has no inode or mode yet */
};

#define HT_FILE_READ 1u
#define HT_FILE_WRITE 2u
#define HT_FILE_CREATED 4u   /* by this open */
#define HT_FILE_TRUNCATED 8u /* where the hook can see it */

/* A watched file. The variable part is the path, as components like in ht_exec. */
struct ht_file {
	struct ht_header header;
	uint64_t inode;
	uint32_t device; /* major << 20 | minor */
	uint32_t mode;	 /* type and permissions */
	uint32_t owner;
	uint32_t repeats; /* opens like this one by this process since the last such record */
	uint16_t flags;	  /* HT_FILE_* */
	uint8_t action;	  /* ht_file_action */
	uint8_t reserved;
	struct ht_text path;
};
HT_ASSERT_SIZE(struct ht_file, 160);

/* The rights of a task: its own credentials and what the login set on it. */
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

/* How a change was found. */
enum ht_change {
	HT_CHANGE_UNKNOWN = 0,
	HT_CHANGE_MADE = 1,	/* by a hook, when it was made */
	HT_CHANGE_COMPARED = 2, /* later, by a comparison at fork, exec or exit */
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
	/* Or any other access that needs the right to trace: memory, descriptors. */
	HT_TAMPERING_PTRACE = 2,
	HT_TAMPERING_BPF = 3,  /* a handle of a program, map or link was taken or used */
	HT_TAMPERING_MMAP = 4, /* a map was mapped for writing */
};

enum ht_object_kind {
	HT_OBJECT_UNKNOWN = 0,
	HT_OBJECT_PROGRAM = 1,
	HT_OBJECT_MAP = 2,
	HT_OBJECT_LINK = 3,
};

/* A foreign process acted on the sensor: the header has the process. */
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
	uint32_t repeats; /* the same attempts by the same process since the last such record */
	char target_comm[HT_COMM_BYTES];
};
HT_ASSERT_SIZE(struct ht_tampering, 176);

/* A process was given the right to trace another one, or to use its memory or descriptors, and is
 * perhaps not of the same session: the header has the process. */
struct ht_trace {
	struct ht_header header;
	uint64_t target_start_ns;
	uint32_t target_tgid;
	int32_t system_call;	  /* number of the call that asks for the right; -1: none */
	uint32_t second_argument; /* of that call, its lower half */
	uint32_t third_argument;
	uint32_t repeats; /* the same by this process since the last such record */
	uint32_t reserved;
};
HT_ASSERT_SIZE(struct ht_trace, 160);

enum ht_unix_name {
	HT_UNIX_UNNAMED = 0,
	HT_UNIX_PATH = 1,     /* components like in ht_exec, from the file system */
	HT_UNIX_BOUND = 2,    /* the bytes that were bound, which may be a relative path */
	HT_UNIX_ABSTRACT = 3, /* an abstract name, without its leading NUL */
};

/* A UNIX connect that succeeded. The variable part is the peer socket's name. The peer is the
 * process that called listen; of one that has ended only the tgid is known. */
struct ht_unix_connect {
	struct ht_header header;
	uint64_t peer_start_ns; /* 0: unknown */
	uint64_t inode;		/* of the socket's file; HT_UNIX_PATH */
	uint32_t peer_tgid;	/* 0: unknown, as for datagrams */
	uint32_t peer_uid;	/* effective, at listen; datagrams: the socket's owner */
	uint32_t peer_audit_session;
	uint32_t peer_pid_namespace;
	uint32_t repeats;     /* such connects by the process since the last such record */
	uint16_t socket_type; /* SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET */
	uint8_t name_kind;    /* ht_unix_name */
	uint8_t reserved;
	struct ht_text name;
	uint32_t reserved2;
};
HT_ASSERT_SIZE(struct ht_unix_connect, 176);

/*
 * Datagrams that one process has sent to one peer since the flow's last record. A flow has no
 * connection, so no other record shows it. Its first packet makes its first record.
 */
struct ht_datagram_flow {
	struct ht_header header;
	uint64_t packets;
	uint64_t bytes; /* of payload; raw and ICMP sockets: all that follows the IP header */
	uint8_t peer_address[16];
	uint32_t network_namespace;
	uint16_t peer_port;  /* 0: none, or the many client ports that a server answers */
	uint16_t local_port; /* of a server's answers; otherwise 0 */
	uint8_t protocol;    /* IPPROTO_*; IPPROTO_RAW without a peer: frames of a packet socket */
	uint8_t raw;	     /* 1: by a raw socket */
	uint8_t first;	     /* 1: the flow's first record */
	uint8_t reserved[5];
};
HT_ASSERT_SIZE(struct ht_datagram_flow, 176);

/* Tables of the kernel side that user space fills. */

/* A file by the kernel's own device and inode; on some file systems stat(2) returns others. */
struct ht_file_key {
	uint64_t inode;
	uint32_t device; /* major << 20 | minor */
	uint32_t reserved;
};
HT_ASSERT_SIZE(struct ht_file_key, 16);

#define HT_WATCH_READS 1u
#define HT_WATCH_WRITES 2u
#define HT_WATCH_NAMES 4u /* watched_names holds names in this directory */

struct ht_watch {
	uint32_t flags; /* HT_WATCH_* */
	uint32_t round; /* of user space's last search that found it; 0: none yet */
};
HT_ASSERT_SIZE(struct ht_watch, 8);

#define HT_WATCHED_FILES 8192 /* entries of watched_files, and of watched_names */

/* A filter in front of the table: where the byte in the inode's slot of ht_watch_filter is 0, no
 * file of that inode number is watched. */
#define HT_WATCH_FILTER_BYTES 65536
#define HT_WATCH_FILTER_SLOT(inode)                                                                \
	(((inode) ^ (inode) >> 16 ^ (inode) >> 32) & (HT_WATCH_FILTER_BYTES - 1))

#define HT_WATCHED_NAME_BYTES 32

struct ht_watched_name {
	struct ht_file_key directory;
	char name[HT_WATCHED_NAME_BYTES]; /* NUL-terminated, cut where it is longer */
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
