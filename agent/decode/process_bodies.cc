#include "agent/decode/process_bodies.h"

#include <fcntl.h>

#include <type_traits>

#include "agent/decode/fields.h"
#include <sys/syscall.h>

namespace hoptrail::agent::decode {
namespace {

Stream ToStream(const ht_stream& raw) {
  Stream stream;
  stream.kind = CheckedEnum(raw.kind, StreamKind::kOther);
  stream.inode = raw.inode;
  stream.device = raw.device;
  if (stream.kind == StreamKind::kTcp) {
    stream.socket = raw.tcp.socket;
    stream.flow = ToFlow(raw.tcp);
    stream.hop_key = ToHopKey(raw.tcp);
    stream.accepted = ToSide(raw.tcp) == TcpSide::kServer && raw.tcp.listening == 0;
  }
  return stream;
}

// Each group is written like a path, followed by one more NUL; the last one may have been cut.
ControlGroups SplitCgroups(absl::string_view text, bool cut) {
  ControlGroups groups;
  while (!text.empty()) {
    const size_t end = text.find(absl::string_view("\0\0", 2));
    const bool whole = end != absl::string_view::npos;
    groups.push_back(JoinPath(whole ? text.substr(0, end + 1) : text, cut && !whole));
    text.remove_prefix(whole ? end + 2 : text.size());
  }
  return groups;
}

absl::Status ReadImage(absl::string_view record, const ht_exec& raw, model::Image* image,
                       std::optional<ControlGroups>* cgroups) {
  Parts parts(record.substr(sizeof(ht_exec)));
  absl::string_view path, directory, groups, arguments;
  if (!parts.Take(raw.path, &path) || !parts.Take(raw.directory, &directory) ||
      !parts.Take(raw.cgroups, &groups) || !parts.Take(raw.arguments, &arguments)) {
    return TextTooLong();
  }
  if ((raw.flags & HT_EXEC_CGROUPS) != 0) *cgroups = SplitCgroups(groups, raw.cgroups.cut != 0);
  image->path = JoinPath(path, raw.path.cut != 0);
  image->working_directory = JoinPath(directory, raw.directory.cut != 0);
  image->arguments = SplitAtNuls(arguments);
  image->arguments_truncated = raw.arguments.cut != 0;
  image->device = ToDevice(raw.device);
  image->inode = raw.inode;
  return absl::OkStatus();
}

template <typename Body>  // Exec or ProcessSnapshot
absl::Status ReadProgram(absl::string_view record, Body* body) {
  const auto raw = Copy<ht_exec>(record);
  for (size_t i = 0; i < body->streams.size(); ++i) body->streams[i] = ToStream(raw.streams[i]);
  if constexpr (std::is_same_v<Body, Exec>) body->set_id = (raw.flags & HT_EXEC_SET_ID) != 0;
  body->memory_only = (raw.flags & HT_EXEC_MEMORY) != 0;
  body->deleted = (raw.flags & HT_EXEC_DELETED) != 0;
  return ReadImage(record, raw, &body->image, &body->cgroups);
}

CredentialSet ToCredentialSet(const ht_credential_set& raw) {
  return {
      .ids = {raw.uid, raw.euid, raw.gid, raw.egid, raw.login_uid, raw.audit_session},
      .effective = raw.effective,
      .permitted = raw.permitted,
  };
}

NamespaceSet ToNamespaceSet(const ht_namespace_set& raw) {
  return {.children_pid = raw.children_pid,
          .mount = raw.mount,
          .network = raw.network,
          .user = raw.user,
          .uts = raw.uts,
          .ipc = raw.ipc,
          .cgroup = raw.cgroup};
}

}  // namespace

absl::Status ReadFork(absl::string_view record, Fork* fork) {
  const auto raw = Copy<ht_fork>(record);
  if (!IsTime(raw.child_start_ns) || !IsTime(raw.child_tag_start_ns)) return ImpossibleTime();
  fork->child = {raw.child_tgid, raw.child_start_ns};
  fork->child_tag = {raw.child_tag_tgid, raw.child_tag_start_ns};
  return absl::OkStatus();
}

absl::Status ReadExec(absl::string_view record, Exec* exec) { return ReadProgram(record, exec); }

absl::Status ReadProcessSnapshot(absl::string_view record, ProcessSnapshot* snapshot) {
  return ReadProgram(record, snapshot);
}

CredentialsChange ToCredentialsChange(const ht_credentials& raw) {
  return {.change = CheckedEnum(raw.change, Change::kClone),
          .before = ToCredentialSet(raw.before),
          .after = ToCredentialSet(raw.after)};
}

NamespacesChange ToNamespacesChange(const ht_namespaces& raw) {
  return {.change = CheckedEnum(raw.change, Change::kClone),
          .before = ToNamespaceSet(raw.before),
          .after = ToNamespaceSet(raw.after)};
}

// The kernel and the agent run on one architecture, so they have the same system call numbers. A
// 32-bit process has others, which mean something else or nothing here.
Trace ToTrace(const ht_trace& raw) {
  Trace trace;
  trace.target = {raw.target_tgid, raw.target_start_ns};
  trace.repeats = raw.repeats;
  const auto opens_memory = [&](uint32_t flags) {
    trace.method = TraceMethod::kMemoryFile;
    trace.may_write = (flags & O_ACCMODE) != O_RDONLY;
  };
  switch (raw.system_call) {
    case SYS_ptrace:
      trace.method = TraceMethod::kPtrace;
      break;
    case SYS_process_vm_writev:
      trace.method = TraceMethod::kMemoryWrite;
      break;
    case SYS_process_vm_readv:
      trace.method = TraceMethod::kMemoryRead;
      trace.may_write = false;
      break;
    case SYS_pidfd_getfd:
      trace.method = TraceMethod::kDescriptor;
      trace.may_write = false;
      break;
    case SYS_openat:
      opens_memory(raw.third_argument);
      break;
#ifdef SYS_open
    case SYS_open:
      opens_memory(raw.second_argument);
      break;
#endif
    case SYS_openat2:  // its flags are in memory of the caller
      trace.method = TraceMethod::kMemoryFile;
      break;
    case SYS_read:  // /proc/PID/syscall and similar files, which check at each read
      trace.may_write = false;
      break;
  }
  return trace;
}

}  // namespace hoptrail::agent::decode
