#include "agent/decode/decoder.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "bpf/abi/events.h"

#include <sys/socket.h>
#include <sys/sysmacros.h>

namespace hoptrail::agent::decode {
namespace {

// The least size of a record of each type; 0: no such type.
constexpr size_t kLeastSize[HT_TYPES] = {
    0,
    sizeof(ht_fork),
    sizeof(ht_exec),
    sizeof(ht_exit),
    sizeof(ht_tcp),
    sizeof(ht_accept),
    sizeof(ht_pam),
    sizeof(ht_sshd),
    sizeof(ht_exec),  // process snapshot
    sizeof(ht_socket_snapshot),
    sizeof(ht_header),  // snapshot done
    sizeof(ht_lost),
    sizeof(ht_unix_connect),
    sizeof(ht_sends),
    sizeof(ht_file),
    sizeof(ht_credentials),
    sizeof(ht_namespaces),
    sizeof(ht_tampering),
};

// Device numbers inside the kernel have 20 bits of minor number, those of stat(2) are laid out
// otherwise.
constexpr uint32_t kKernelMinorBits = 20;

// As stat(2) tells them.
uint64_t ToDevice(uint32_t device) {
  return makedev(device >> kKernelMinorBits, device & ((1u << kKernelMinorBits) - 1));
}

template <typename T>
T Copy(absl::string_view record) {
  T value;
  std::memcpy(&value, record.data(), sizeof(T));
  return value;
}

// The variable parts behind a record's fixed fields, taken one after the other.
class Parts {
 public:
  explicit Parts(absl::string_view bytes) : bytes_(bytes) {}

  // False when the record does not hold what it counts.
  bool Take(const ht_text& text, absl::string_view* part) {
    if (text.length > bytes_.size()) return false;
    *part = bytes_.substr(0, text.length);
    bytes_.remove_prefix(text.length);
    return true;
  }

 private:
  absl::string_view bytes_;
};

// Texts each ended by a NUL; the last may have lost its own to a cut.
std::vector<absl::string_view> SplitAtNuls(absl::string_view bytes) {
  std::vector<absl::string_view> texts;
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find('\0'), bytes.size());
    texts.push_back(bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return texts;
}

// From components, last first, to a path. A path whose front was cut does not begin with a slash.
std::string JoinPath(absl::string_view components, bool cut) {
  const std::vector<absl::string_view> parts = SplitAtNuls(components);
  std::string path;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (!path.empty() || !cut) path += '/';
    path.append(part->data(), part->size());
  }
  if (path.empty() && !cut) path = "/";
  return path;
}

// A text in a field of fixed capacity, at most to its NUL.
std::string FieldText(const char* bytes, size_t capacity, const ht_text& text) {
  const size_t length = std::min<size_t>(text.length, capacity);
  return std::string(bytes, strnlen(bytes, length));
}

template <typename Enum>
Enum CheckedEnum(uint8_t value, Enum last) {
  return value <= static_cast<uint8_t>(last) ? static_cast<Enum>(value) : Enum{};
}

Header ToHeader(const ht_header& raw) {
  const ht_identity& who = raw.who;
  Header header;
  header.type = raw.type;
  header.cpu = raw.cpu;
  header.boot_ns = raw.boot_ns;
  header.process = {who.tgid, who.start_ns};
  header.tid = who.tid;
  header.parent = {who.parent_tgid, who.parent_start_ns};
  header.credentials = {who.uid, who.euid, who.gid, who.egid, who.login_uid, who.audit_session};
  header.cgroup_id = who.cgroup_id;
  header.namespaces = {who.pid_namespace, who.mount_namespace, who.network_namespace,
                       who.user_namespace};
  header.label = {who.label_tgid, who.label_start_ns};
  header.command.assign(who.comm, strnlen(who.comm, sizeof(who.comm)));
  return header;
}

model::Flow ToFlow(const ht_connection& raw) {
  model::Flow flow;
  std::copy_n(raw.client_address, 16, flow.client.address.bytes.begin());
  std::copy_n(raw.server_address, 16, flow.server.address.bytes.begin());
  flow.client.port = raw.client_port;
  flow.server.port = raw.server_port;
  return flow;
}

model::HopName ToHopName(const ht_connection& raw) { return {raw.client_isn, raw.server_isn}; }

TcpSide ToSide(const ht_connection& raw) { return CheckedEnum(raw.side, TcpSide::kServer); }

Stream ToStream(const ht_stream& raw) {
  Stream stream;
  stream.kind = CheckedEnum(raw.kind, StreamKind::kOther);
  stream.inode = raw.inode;
  stream.device = raw.device;
  if (stream.kind == StreamKind::kTcp) {
    stream.socket = raw.tcp.socket;
    stream.flow = ToFlow(raw.tcp);
    stream.hop_name = ToHopName(raw.tcp);
    stream.accepted = ToSide(raw.tcp) == TcpSide::kServer && raw.tcp.listening == 0;
  }
  return stream;
}

// Times since boot fit into 62 bits for 146 years: a wall clock's can be added to them.
bool IsTime(uint64_t boot_ns) { return boot_ns < uint64_t{1} << 62; }

bool HasTimes(const ht_header& raw) {
  return IsTime(raw.boot_ns) && IsTime(raw.who.start_ns) && IsTime(raw.who.parent_start_ns) &&
         IsTime(raw.who.label_start_ns);
}

absl::Status NoTime() { return absl::InvalidArgumentError("record: a time that no clock shows"); }

absl::Status CountsTooMuch() {
  return absl::InvalidArgumentError("record: a text is longer than what is left of the record");
}

absl::Status ReadImage(absl::string_view record, const ht_exec& raw, model::Image* image) {
  Parts parts(record.substr(sizeof(ht_exec)));
  absl::string_view path, directory, arguments;
  if (!parts.Take(raw.path, &path) || !parts.Take(raw.directory, &directory) ||
      !parts.Take(raw.arguments, &arguments)) {
    return CountsTooMuch();
  }
  image->path = JoinPath(path, raw.path.cut != 0);
  image->working_directory = JoinPath(directory, raw.directory.cut != 0);
  for (absl::string_view argument : SplitAtNuls(arguments)) {
    image->arguments.emplace_back(argument);
  }
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
  return ReadImage(record, raw, &body->image);
}

absl::Status ReadFork(absl::string_view record, Fork* fork) {
  const auto raw = Copy<ht_fork>(record);
  if (!IsTime(raw.child_start_ns) || !IsTime(raw.child_label_start_ns)) return NoTime();
  fork->child = {raw.child_tgid, raw.child_start_ns};
  fork->child_label = {raw.child_label_tgid, raw.child_label_start_ns};
  return absl::OkStatus();
}

Tcp ToTcp(const ht_tcp& raw) {
  return {.phase = CheckedEnum(raw.phase, TcpPhase::kClosed),
          .side = ToSide(raw.connection),
          .socket = raw.connection.socket,
          .flow = ToFlow(raw.connection),
          .hop_name = ToHopName(raw.connection),
          .network_namespace = raw.connection.network_namespace,
          .rtt_us = raw.connection.rtt_us,
          .bytes_sent = raw.bytes_sent,
          .bytes_received = raw.bytes_received,
          .error = raw.error};
}

Accept ToAccept(const ht_accept& raw) {
  return {.socket = raw.connection.socket,
          .flow = ToFlow(raw.connection),
          .hop_name = ToHopName(raw.connection),
          .network_namespace = raw.connection.network_namespace,
          .rtt_us = raw.connection.rtt_us,
          .first_use = raw.first_use != 0,
          .handed_over = raw.handed_over != 0,
          .side = raw.handed_over != 0 ? ToSide(raw.connection) : TcpSide::kServer};
}

Pam ToPam(const ht_pam& raw) {
  return {.step = CheckedEnum(raw.step, PamStep::kCloseSession),
          .service = FieldText(raw.service_bytes, sizeof(raw.service_bytes), raw.service),
          .user = FieldText(raw.user_bytes, sizeof(raw.user_bytes), raw.user),
          .remote_host =
              FieldText(raw.remote_host_bytes, sizeof(raw.remote_host_bytes), raw.remote_host),
          .terminal = FieldText(raw.terminal_bytes, sizeof(raw.terminal_bytes), raw.terminal),
          .result = raw.result,
          .verified = raw.verified != 0};
}

SocketSnapshot ToSocketSnapshot(const ht_socket_snapshot& raw) {
  return {.listening = raw.connection.listening != 0,
          .side = ToSide(raw.connection),
          .socket = raw.connection.socket,
          .flow = ToFlow(raw.connection),
          .hop_name = ToHopName(raw.connection),
          .network_namespace = raw.connection.network_namespace,
          .rtt_us = raw.connection.rtt_us};
}

Lost ToLost(const ht_lost& raw) {
  static constexpr const char* kPlaces[HT_LOSS_CAUSES][HT_RINGS] = HT_LOSS_PLACES;
  const bool known = raw.cause < HT_LOSS_CAUSES && raw.ring < HT_RINGS;
  return {.where = known ? kPlaces[raw.cause][raw.ring] : "unknown",
          .type = TypeName(raw.record_type),
          .count = raw.count};
}

absl::Status ReadFile(absl::string_view record, File* file) {
  const auto raw = Copy<ht_file>(record);
  absl::string_view path;
  if (!Parts(record.substr(sizeof(ht_file))).Take(raw.path, &path)) return CountsTooMuch();
  file->action = CheckedEnum(raw.action, FileAction::kLink);
  file->path = JoinPath(path, raw.path.cut != 0);
  file->device = ToDevice(raw.device);
  file->inode = raw.inode;
  file->mode = raw.mode;
  file->owner = raw.owner;
  file->reads = (raw.flags & HT_FILE_READ) != 0;
  file->writes = (raw.flags & HT_FILE_WRITE) != 0;
  file->created = (raw.flags & HT_FILE_CREATED) != 0;
  file->truncated = (raw.flags & HT_FILE_TRUNCATED) != 0;
  file->repeats = raw.repeats;
  return absl::OkStatus();
}

CredentialSet ToCredentialSet(const ht_credential_set& raw) {
  return {
      .ids = {raw.uid, raw.euid, raw.gid, raw.egid, raw.login_uid, raw.audit_session},
      .effective = raw.effective,
      .permitted = raw.permitted,
  };
}

CredentialsChange ToCredentialsChange(const ht_credentials& raw) {
  return {.change = CheckedEnum(raw.change, Change::kClone),
          .before = ToCredentialSet(raw.before),
          .after = ToCredentialSet(raw.after)};
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

NamespacesChange ToNamespacesChange(const ht_namespaces& raw) {
  return {.change = CheckedEnum(raw.change, Change::kClone),
          .before = ToNamespaceSet(raw.before),
          .after = ToNamespaceSet(raw.after)};
}

Tampering ToTampering(const ht_tampering& raw) {
  return {.kind = CheckedEnum(raw.kind, TamperingKind::kBpf),
          .target = {raw.target_tgid, raw.target_start_ns},
          .target_command =
              std::string(raw.target_comm, strnlen(raw.target_comm, sizeof(raw.target_comm))),
          .signal = raw.signal,
          .bpf_command = raw.bpf_command,
          .object = CheckedEnum(raw.object_kind, ObjectKind::kLink),
          .object_id = raw.object_id,
          .repeats = raw.repeats};
}

SocketType ToSocketType(uint16_t type) {
  switch (type) {
    case SOCK_STREAM:
      return SocketType::kStream;
    case SOCK_DGRAM:
      return SocketType::kDatagram;
    case SOCK_SEQPACKET:
      return SocketType::kSequenced;
    default:
      return SocketType::kUnknown;
  }
}

// An abstract name may hold any byte: NULs are shown as '@', as ss(8) and netstat(8) do.
std::string AbstractName(absl::string_view bytes) {
  std::string name = absl::StrCat("@", bytes);
  std::replace(name.begin(), name.end(), '\0', '@');
  return name;
}

absl::Status ReadUnixConnect(absl::string_view record, UnixConnect* connect) {
  const auto raw = Copy<ht_unix_connect>(record);
  Parts parts(record.substr(sizeof(raw)));
  absl::string_view name;
  if (!parts.Take(raw.name, &name)) return CountsTooMuch();
  if (raw.name_kind == HT_UNIX_PATH) {
    connect->path = JoinPath(name, raw.name.cut != 0);
  } else if (raw.name_kind == HT_UNIX_ABSTRACT) {
    connect->path = AbstractName(name);
  } else if (raw.name_kind == HT_UNIX_BOUND) {
    connect->path = std::string(name.substr(0, name.find('\0')));
    connect->path_as_bound = true;
  }
  connect->path_cut = raw.name.cut != 0;
  connect->type = ToSocketType(raw.socket_type);
  connect->inode = raw.inode;
  connect->peer = {raw.peer_tgid, raw.peer_start_ns};
  connect->peer_uid = raw.peer_uid;
  connect->peer_audit_session = raw.peer_audit_session;
  connect->peer_pid_namespace = raw.peer_pid_namespace;
  connect->count = raw.repeats;
  return absl::OkStatus();
}

Sends ToSends(const ht_sends& raw) {
  Sends sends{.local_port = raw.local_port,
              .protocol = raw.protocol,
              .raw = raw.raw != 0,
              .first = raw.first != 0,
              .network_namespace = raw.network_namespace,
              .packets = raw.packets,
              .bytes = raw.bytes};
  std::copy_n(raw.peer_address, 16, sends.peer.address.bytes.begin());
  sends.peer.port = raw.peer_port;
  return sends;
}

}  // namespace

const char* TypeName(uint32_t type) {
  static constexpr const char* kNames[HT_TYPES] = HT_TYPE_NAMES;
  return type < HT_TYPES ? kNames[type] : "unknown";
}

size_t LeastSize(uint16_t type) { return type < HT_TYPES ? kLeastSize[type] : 0; }

absl::StatusOr<Event> Decode(const void* data, size_t size) {
  if (data == nullptr || size < sizeof(ht_header)) {
    return absl::InvalidArgumentError(absl::StrCat("record of ", size, " bytes: no whole header"));
  }
  absl::string_view record(static_cast<const char*>(data), size);
  const auto header = Copy<ht_header>(record);
  const size_t least = LeastSize(header.type);
  if (least == 0) {
    return absl::InvalidArgumentError(absl::StrCat("record of unknown type ", header.type));
  }
  if (header.size > size || header.size < least) {
    return absl::InvalidArgumentError(absl::StrCat("record of type ", TypeName(header.type),
                                                   " says ", header.size, " bytes and has ", size,
                                                   "; at least ", least, " are needed"));
  }
  record = record.substr(0, header.size);
  if (!HasTimes(header)) return NoTime();

  Event event;
  event.header = ToHeader(header);
  absl::Status status;
  switch (header.type) {
    case HT_TYPE_FORK:
      status = ReadFork(record, &event.body.emplace<Fork>());
      break;
    case HT_TYPE_EXEC:
      status = ReadProgram(record, &event.body.emplace<Exec>());
      break;
    case HT_TYPE_EXIT:
      event.body = Exit{.status = Copy<ht_exit>(record).status};
      break;
    case HT_TYPE_TCP:
      event.body = ToTcp(Copy<ht_tcp>(record));
      break;
    case HT_TYPE_ACCEPT:
      event.body = ToAccept(Copy<ht_accept>(record));
      break;
    case HT_TYPE_PAM:
      event.body = ToPam(Copy<ht_pam>(record));
      break;
    case HT_TYPE_SSHD: {
      const auto raw = Copy<ht_sshd>(record);
      event.body = SshdMessage{.text = FieldText(raw.bytes, sizeof(raw.bytes), raw.text),
                               .verified = raw.verified != 0};
      break;
    }
    case HT_TYPE_PROCESS_SNAPSHOT:
      status = ReadProgram(record, &event.body.emplace<ProcessSnapshot>());
      break;
    case HT_TYPE_SOCKET_SNAPSHOT:
      event.body = ToSocketSnapshot(Copy<ht_socket_snapshot>(record));
      break;
    case HT_TYPE_SNAPSHOT_DONE:
      event.body = SnapshotDone{};
      break;
    case HT_TYPE_LOST:
      event.body = ToLost(Copy<ht_lost>(record));
      break;
    case HT_TYPE_UNIX_CONNECT:
      status = ReadUnixConnect(record, &event.body.emplace<UnixConnect>());
      break;
    case HT_TYPE_SENDS:
      event.body = ToSends(Copy<ht_sends>(record));
      break;
    case HT_TYPE_FILE:
      status = ReadFile(record, &event.body.emplace<File>());
      break;
    case HT_TYPE_CREDENTIALS:
      event.body = ToCredentialsChange(Copy<ht_credentials>(record));
      break;
    case HT_TYPE_NAMESPACES:
      event.body = ToNamespacesChange(Copy<ht_namespaces>(record));
      break;
    case HT_TYPE_TAMPERING:
      event.body = ToTampering(Copy<ht_tampering>(record));
      break;
  }
  if (!status.ok()) return status;
  return event;
}

}  // namespace hoptrail::agent::decode
