#ifndef HOPTRAIL_AGENT_DECODE_EVENT_H_
#define HOPTRAIL_AGENT_DECODE_EVENT_H_

// The kernel side's records as values: the only input of the following stages. Every event has the
// same header, which the kernel side filled in when it recorded the event.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/model/net.h"
#include "core/model/process.h"

namespace hoptrail::agent::decode {

// The process that caused the event, and when. For events outside the caller's context (the passive
// side of TCP, some closes) `process` and the members after it describe the socket's recorded
// owner, or are empty where none is known.
struct Header {
  uint32_t cpu = 0;
  uint64_t boot_ns = 0;  // bpf_ktime_get_boot_ns()
  model::ProcessKey process;
  uint32_t tid = 0;
  model::ProcessKey parent;  // task_struct::real_parent's thread group
  model::Credentials credentials;
  uint64_t cgroup_id = 0;
  model::Namespaces namespaces;
  // The session tag, which the kernel side passes on from fork to fork: the nearest ancestor (or
  // the process itself) that was forked by a process that listens or accepts. Processes with the
  // same tag came through the same entry. Empty where unknown: the process is older than the agent.
  model::ProcessKey tag;
  std::string command;  // task_struct::comm
  uint16_t type = 0;    // ht_type; see TypeName()
};

// A new thread group. The header describes the parent; threads are not reported.
struct Fork {
  model::ProcessKey child;
  model::ProcessKey child_tag;
};

// The kind of file on a descriptor when a program starts.
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

// The control groups of a process, "/system.slice/nginx.service": one for each hierarchy in which
// the process is not at the root.
using ControlGroups = std::vector<std::string>;

// A program starts; exec can no longer fail. The header describes the process after it.
struct Exec {
  model::Image image;
  std::array<Stream, 3> streams;
  bool set_id = false;  // the effective ids have changed
  // The executable never was in a directory (memfd), or all its names had been removed before it
  // started. On an overlay both are about the merged directory tree.
  bool memory_only = false;
  bool deleted = false;
  std::optional<ControlGroups> cgroups;  // absent where they are the same as the parent's
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
  // Identifies the socket during its life and one run of the agent; never 0.
  uint64_t socket = 0;
  model::Flow flow;       // kListen: server only
  model::HopKey hop_key;  // kEstablished and kClosed; empty otherwise
  uint32_t network_namespace = 0;
  uint32_t rtt_us = 0;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  int32_t error = 0;  // kFailed: errno
};

// A process holds an accepted connection: after accept(2), or after its first use of the socket
// where accept itself is not seen. Or another process handed a connection of its own over to it.
// The header describes the process that now holds the connection.
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

// A call of libpam returned. The texts were read from user memory and are a claim, see `verified`.
struct Pam {
  PamStep step = PamStep::kUnknown;
  std::string service;
  std::string user;
  std::string remote_host;
  std::string terminal;
  int32_t result = 0;     // PAM_SUCCESS is 0
  bool verified = false;  // the caller's executable belongs to root and runs as root
};

enum class LoginText : uint8_t {
  kSyslog,         // sshd's line for syslog
  kStandardError,  // the same line for its standard error or log file, with the end of the line
  kDecision,       // the method by which a client of sshd has succeeded; it may need another one
  kDropbear,       // dropbear's line, wherever it goes
};

// A text that sshd or dropbear formatted, such as the line "Accepted publickey for …": a claim like
// Pam. LoginText says which text it is.
struct SshdMessage {
  std::string text;
  bool verified = false;
  LoginText kind = LoginText::kSyslog;
  // kDecision: the key that the client has used last, as sshd prints it.
  std::string key_type;
  std::string key_fingerprint;
  std::string certificate_id;
};

// A process that existed before the events began (iter/task). The header describes it.
struct ProcessSnapshot {
  model::Image image;  // arguments from mm->arg_start, at most 4 KiB
  std::array<Stream, 3> streams;
  bool memory_only = false;              // as in Exec
  bool deleted = false;                  // all names of the executable have been removed by now
  std::optional<ControlGroups> cgroups;  // absent where unknown
};

// A socket, listening or connected, that existed before the events began (iter/task_file). There is
// one event for each process that holds it.
struct SocketSnapshot {
  bool listening = false;
  TcpSide side = TcpSide::kUnknown;
  uint64_t socket = 0;
  model::Flow flow;
  model::HopKey hop_key;
  uint32_t network_namespace = 0;
  uint32_t rtt_us = 0;
};

// The snapshot is complete. Later events happened after it began, so duplicates are possible.
struct SnapshotDone {};

// Records were lost since the last such event.
struct Lost {
  std::string where;  // "ring/high", "budget/low", "skipped": see kernel::LossCount
  std::string type;   // record type, "exec"
  uint64_t count = 0;
};

enum class FileAction : uint8_t { kUnknown, kOpen, kRename, kLink, kSymlink };

// A watched file was opened, or a rename or link put a file in its place. Or a symbolic link was
// created at a watched path; it has no inode, device, mode or owner yet.
struct File {
  FileAction action = FileAction::kUnknown;
  std::string path;     // the new path, as the kernel resolved it
  uint64_t device = 0;  // dev_t, of the file system itself
  uint64_t inode = 0;
  uint32_t mode = 0;  // st_mode
  uint32_t owner = 0;
  bool reads = false;
  bool writes = false;
  bool created = false;
  bool truncated = false;  // never set where the hook is the system call's end
  uint32_t repeats = 1;    // opens by this process since the last such event
};

// How a change was seen: kMade when it was made; kCompared at a later fork, exec or exit; kClone
// because a new process differs from its parent.
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
  uint32_t children_pid = 0;  // of its future children; its own pid namespace never changes
  uint32_t mount = 0;
  uint32_t network = 0;
  uint32_t user = 0;
  uint32_t uts = 0;
  uint32_t ipc = 0;
  uint32_t cgroup = 0;

  bool operator==(const NamespaceSet&) const = default;
};

// A process entered other namespaces, or was created in new ones (kClone: the header describes the
// new process, `before` its parent). The header may still show the namespaces before.
struct NamespacesChange {
  Change change = Change::kUnknown;
  NamespaceSet before;
  NamespaceSet after;
};

enum class TamperingKind : uint8_t { kUnknown, kSignal, kPtrace, kBpf, kMap };
enum class ObjectKind : uint8_t { kUnknown, kProgram, kMap, kLink };

// Another process tampered with the sensor. The header describes that process.
struct Tampering {
  TamperingKind kind = TamperingKind::kUnknown;
  model::ProcessKey target;                  // kSignal, kPtrace: which of the sensor's processes
  std::string target_command;                // kSignal, kPtrace: task_struct::comm
  uint32_t signal = 0;                       // kSignal
  uint32_t bpf_command = 0;                  // kBpf: enum bpf_cmd
  ObjectKind object = ObjectKind::kUnknown;  // kBpf, kMap (mapped for writing): the sensor's object
  uint32_t object_id = 0;                    // kBpf, kMap
  uint32_t repeats = 1;                      // the same by this process since the last such event
};

// How a process got at another one.
enum class TraceMethod : uint8_t {
  kUnknown,      // by a 32-bit system call, for example
  kPtrace,       // ptrace(2)
  kMemoryWrite,  // process_vm_writev(2)
  kMemoryRead,   // process_vm_readv(2)
  kMemoryFile,   // /proc/PID/mem, opened
  kDescriptor,   // pidfd_getfd(2)
};

// A process was given the right to trace a process that is perhaps not of its session. The header
// describes the tracer. The kernel may still have refused: see the hook's tier.
struct Trace {
  model::ProcessKey target;
  TraceMethod method = TraceMethod::kUnknown;
  bool may_write = true;  // false if the target cannot be made to act by it
  uint32_t repeats = 1;   // the same by this process since the last such event
};

enum class SocketType : uint8_t { kUnknown, kStream, kDatagram, kSequenced };

// A process connected to a UNIX socket. The peer is the process that called listen (SO_PEERCRED):
// the service itself, or the process that opened the socket for it (socket activation).
struct UnixConnect {
  // The present path in the file system; "@name" of an abstract socket; empty for an unnamed one.
  std::string path;
  bool path_cut = false;  // its first part is missing
  bool path_as_bound =
      false;  // not from the file system: the address that its owner passed to bind
  SocketType type = SocketType::kUnknown;
  uint64_t inode = 0;      // of the socket's file; 0 where it has none
  model::ProcessKey peer;  // empty for datagrams; start 0 where the process has ended
  uint32_t peer_uid = 0;   // effective; for datagrams, the owner of the socket
  uint32_t peer_audit_session = model::kNoLogin;
  uint32_t peer_pid_namespace = 0;
  uint32_t count = 1;  // connects by this process to this socket since the last such event
};

// Datagrams that a process sent to one peer since the last such event of this flow.
struct DatagramFlow {
  model::Endpoint peer;     // port 0: the protocol has none, or these are a server's answers
  uint16_t local_port = 0;  // of a server, whose answers to one peer are counted together; else 0
  uint8_t protocol = 0;     // IANA's number; 17: UDP
  bool raw = false;         // by a raw socket, whose headers the process writes itself
  bool first = false;       // the first event of the flow
  uint32_t network_namespace = 0;
  uint64_t packets = 0;
  uint64_t bytes = 0;  // of payload
};

struct Event {
  Header header;
  std::variant<Fork, Exec, Exit, Tcp, Accept, Pam, SshdMessage, ProcessSnapshot, SocketSnapshot,
               SnapshotDone, Lost, UnixConnect, DatagramFlow, File, CredentialsChange,
               NamespacesChange, Tampering, Trace>
      body;
};

}  // namespace hoptrail::agent::decode

#endif  // HOPTRAIL_AGENT_DECODE_EVENT_H_
