#ifndef HOPTRAIL_AGENT_DECODE_EVENT_H_
#define HOPTRAIL_AGENT_DECODE_EVENT_H_

// What the kernel side told, as values: the only input of the stages that follow. Every event
// begins with the same header, stamped in the kernel when the event was recorded.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/model/net.h"
#include "core/model/process.h"

namespace hoptrail::agent::decode {

// Who was running, and when. For events that fire outside the caller's context (the passive side
// of TCP, some closes) `process` and what follows describe the socket's recorded owner, or are
// empty where none is known.
struct Header {
  uint32_t cpu = 0;
  uint64_t boot_ns = 0;  // bpf_ktime_get_boot_ns()
  model::ProcessKey process;
  uint32_t tid = 0;
  model::ProcessKey parent;  // task_struct::real_parent's thread group
  model::Credentials credentials;
  uint64_t cgroup_id = 0;
  model::Namespaces namespaces;
  // The session session tag carried from fork to fork in the kernel: the nearest ancestor (or the
  // process itself) that was forked by a process that listens or accepts. Processes with the same
  // session tag came through the same entry. Empty where unknown: the process is older than the agent.
  model::ProcessKey tag;
  std::string command;  // task_struct::comm
  uint16_t type = 0;    // ht_type; see TypeName()
};

// A new thread group. The header describes the parent; threads are not reported.
struct Fork {
  model::ProcessKey child;
  model::ProcessKey child_tag;
};

// What stands on a descriptor when a program starts.
enum class StreamKind : uint8_t { kUnknown, kClosed, kFile, kTerminal, kPipe, kTcp, kUnix, kOther };

struct Stream {
  StreamKind kind = StreamKind::kUnknown;
  uint64_t inode = 0;     // of file, pipe or socket
  uint32_t device = 0;    // terminals: major << 20 | minor
  uint64_t socket = 0;    // kTcp: the same value as Tcp::socket
  model::Flow flow;       // kTcp
  model::HopKey hop_key;  // kTcp, established
  bool accepted = false;  // kTcp: this host is the server
};

// A process's control groups, "/system.slice/nginx.service", one of each hierarchy in which it is
// not at the root.
using ControlGroups = std::vector<std::string>;

// A program starts (after the point of no return). The header describes the process afterwards.
struct Exec {
  model::Image image;
  std::array<Stream, 3> streams;
  bool set_id = false;  // effective ids differ from before
  // The executable never had a place in a directory (memfd), or no name of it was left when it
  // started. On an overlay both speak of the merged view.
  bool memory_only = false;
  bool deleted = false;
  std::optional<ControlGroups> cgroups;  // nothing where they are the parent's
};

// The last thread of a group ended.
struct Exit {
  int32_t status = 0;  // as in wait(2)
};

enum class TcpPhase : uint8_t { kUnknown, kListen, kConnect, kEstablished, kFailed, kClosed };
enum class TcpSide : uint8_t { kUnknown, kClient, kServer };

// A socket changed state (inet_sock_set_state).
struct Tcp {
  TcpPhase phase = TcpPhase::kUnknown;
  TcpSide side = TcpSide::kUnknown;
  // Names the socket while it lives, within this agent's run; never 0.
  uint64_t socket = 0;
  model::Flow flow;       // kListen: server only
  model::HopKey hop_key;  // kEstablished and kClosed; empty otherwise
  uint32_t network_namespace = 0;
  uint32_t rtt_us = 0;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  int32_t error = 0;  // kFailed: errno
};

// A process got hold of an accepted connection: by accept(2), or by its first use of the socket
// where accept itself cannot be seen; or another process handed it any connection of its own.
// Fires in the process's own context.
struct Accept {
  uint64_t socket = 0;
  model::Flow flow;
  model::HopKey hop_key;
  uint32_t network_namespace = 0;
  uint32_t rtt_us = 0;
  bool first_use = false;  // seen by first use, perhaps by a child of the process that accepted
  bool handed_over = false;
  TcpSide side = TcpSide::kServer;  // kClient only where it was handed over
};

enum class PamStep : uint8_t {
  kUnknown,
  kAuthenticate,  // pam_authenticate returned
  kOpenSession,   // pam_open_session returned
  kCloseSession,  // pam_close_session returned
};

// A call of libpam returned. User memory: a witness, see `verified`.
struct Pam {
  PamStep step = PamStep::kUnknown;
  std::string service;
  std::string user;
  std::string remote_host;
  std::string terminal;
  int32_t result = 0;     // PAM_SUCCESS is 0
  bool verified = false;  // said by a root-owned executable run as root
};

// A line that sshd handed to syslog, "Accepted publickey for …": a witness like Pam.
struct SshdMessage {
  std::string text;
  bool verified = false;
};

// A process that existed before the events began (iter/task): `header` describes it.
struct ProcessSnapshot {
  model::Image image;  // arguments from mm->arg_start, at most 4 KiB
  std::array<Stream, 3> streams;
  bool memory_only = false;  // as in Exec; `deleted`: no name of it is left by now
  bool deleted = false;
  std::optional<ControlGroups> cgroups;  // nothing where the record does not tell
};

// A socket that existed before the events began, with one process that holds it (iter/task_file).
// Told once for every holder; listening sockets too.
struct SocketSnapshot {
  bool listening = false;
  TcpSide side = TcpSide::kUnknown;
  uint64_t socket = 0;
  model::Flow flow;
  model::HopKey hop_key;
  uint32_t network_namespace = 0;
  uint32_t rtt_us = 0;
};

// The snapshot is complete; what follows happened after it began (duplicates are possible).
struct SnapshotDone {};

// Records were not written since the last such event.
struct Lost {
  std::string where;  // "ring/high", "budget/low", "skipped": see kernel::LossCount
  std::string type;   // record type, "exec"
  uint64_t count = 0;
};

enum class FileAction : uint8_t { kUnknown, kOpen, kRename, kLink, kSymlink };

// A watched file was opened, or got its place by a rename or a link; or a watched name was made a
// symbolic link, which has no inode, device, mode or owner yet.
struct File {
  FileAction action = FileAction::kUnknown;
  std::string path;     // the new one; as the kernel resolved it
  uint64_t device = 0;  // dev_t, of the file system itself
  uint64_t inode = 0;
  uint32_t mode = 0;  // st_mode
  uint32_t owner = 0;
  bool reads = false;
  bool writes = false;
  bool created = false;
  bool truncated = false;  // never set where only the system call's end is seen
  uint32_t repeats = 1;    // opens by this process since the last such event
};

// How a change came to be known: when it was made; later, at a fork, an exec or the exit (then it
// happened some time before); or because a new process differs from its parent.
enum class Change : uint8_t { kUnknown, kMade, kCompared, kClone };

struct CredentialSet {
  model::Credentials ids;
  uint64_t effective = 0;  // capabilities, one bit each
  uint64_t permitted = 0;

  bool operator==(const CredentialSet&) const = default;
};

// A process's credentials changed. The header may still show those before.
struct CredentialsChange {
  Change change = Change::kUnknown;
  CredentialSet before;
  CredentialSet after;
};

// Inode numbers.
struct NamespaceSet {
  uint32_t children_pid = 0;  // in which its children will be; its own never changes
  uint32_t mount = 0;
  uint32_t network = 0;
  uint32_t user = 0;
  uint32_t uts = 0;
  uint32_t ipc = 0;
  uint32_t cgroup = 0;

  bool operator==(const NamespaceSet&) const = default;
};

// A process moved into other namespaces, or was made in new ones (kClone: the header is that
// process's, `before` its parent's). The header may still show those before.
struct NamespacesChange {
  Change change = Change::kUnknown;
  NamespaceSet before;
  NamespaceSet after;
};

enum class TamperingKind : uint8_t { kUnknown, kSignal, kPtrace, kBpf, kMap };
enum class ObjectKind : uint8_t { kUnknown, kProgram, kMap, kLink };

// Somebody else laid hands on the sensor: the header says who.
struct Tampering {
  TamperingKind kind = TamperingKind::kUnknown;
  model::ProcessKey target;                  // kSignal, kPtrace: which of the sensor's processes
  std::string target_command;                // kSignal, kPtrace: task_struct::comm
  uint32_t signal = 0;                       // kSignal
  uint32_t bpf_command = 0;                  // kBpf: enum bpf_cmd
  ObjectKind object = ObjectKind::kUnknown;  // kBpf, kMap (mapped for writing): of the sensor's
  uint32_t object_id = 0;                    // kBpf, kMap
  uint32_t repeats = 1;                      // the same by the same process since the last such
};

enum class SocketType : uint8_t { kUnknown, kStream, kDatagram, kSequenced };

// A process connected to a UNIX socket. The peer is who called listen (SO_PEERCRED): the process
// that owns the service, or the one that opened its socket for it (socket activation).
struct UnixConnect {
  // As the file system has it now; "@name" for an abstract one; empty for one without a name.
  std::string path;
  bool path_cut = false;       // the front of it is missing
  bool path_as_bound = false;  // not from the file system: word for word what its owner bound it to
  SocketType type = SocketType::kUnknown;
  uint64_t inode = 0;      // of the socket's file; 0 where it has none
  model::ProcessKey peer;  // empty for datagrams; start 0 where the process has ended
  uint32_t peer_uid = 0;   // effective; for datagrams, whom the socket belongs to
  uint32_t peer_audit_session = model::kNoLogin;
  uint32_t peer_pid_namespace = 0;
  uint32_t count = 1;  // connects by this process to this socket since the last such event
};

// What a process sent to one peer without a connection, since the last such event of this flow.
struct DatagramFlow {
  model::Endpoint peer;     // port 0: the protocol has none, or the answers of a server
  uint16_t local_port = 0;  // of a server, whose answers to a peer are counted together; else 0
  uint8_t protocol = 0;     // IANA's number; 17: UDP
  bool raw = false;         // by a raw socket, that is, with headers of its own making
  bool first = false;       // the flow begins
  uint32_t network_namespace = 0;
  uint64_t packets = 0;
  uint64_t bytes = 0;  // of payload
};

struct Event {
  Header header;
  std::variant<Fork, Exec, Exit, Tcp, Accept, Pam, SshdMessage, ProcessSnapshot, SocketSnapshot,
               SnapshotDone, Lost, UnixConnect, DatagramFlow, File, CredentialsChange, NamespacesChange,
               Tampering>
      body;
};

}  // namespace hoptrail::agent::decode

#endif  // HOPTRAIL_AGENT_DECODE_EVENT_H_
