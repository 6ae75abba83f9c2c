#include "agent/decode/decoder.h"

#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "bpf/abi/events.h"

#include "agent/decode/claim_bodies.h"
#include "agent/decode/fields.h"
#include "agent/decode/file_bodies.h"
#include "agent/decode/process_bodies.h"
#include "agent/decode/sensor_bodies.h"
#include "agent/decode/socket_bodies.h"

namespace hoptrail::agent::decode {
namespace {

// The smallest size of a record of each type; 0: no such type.
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
    sizeof(ht_datagram_flow),
    sizeof(ht_file),
    sizeof(ht_credentials),
    sizeof(ht_namespaces),
    sizeof(ht_tampering),
    sizeof(ht_trace),
};

void SetHeader(const ht_header& raw, Header* to) {
  const ht_identity& who = raw.who;
  Header& header = *to;
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
  header.tag = {who.tag_tgid, who.tag_start_ns};
  header.command.assign(who.comm, strnlen(who.comm, sizeof(who.comm)));
}

bool HasTimes(const ht_header& raw) {
  return IsTime(raw.boot_ns) && IsTime(raw.who.start_ns) && IsTime(raw.who.parent_start_ns) &&
         IsTime(raw.who.tag_start_ns);
}

absl::Status Read(const void* data, size_t size, Event* event) {
  if (data == nullptr || size < sizeof(ht_header)) {
    return absl::InvalidArgumentError(
        absl::StrCat("record of ", size, " bytes: shorter than a header"));
  }
  absl::string_view record(static_cast<const char*>(data), size);
  const auto header = Copy<ht_header>(record);
  const size_t least = LeastSize(header.type);
  if (least == 0) {
    return absl::InvalidArgumentError(absl::StrCat("record of unknown type ", header.type));
  }
  if (header.size > size || header.size < least) {
    return absl::InvalidArgumentError(
        absl::StrCat("record of type ", TypeName(header.type), ": its header says ", header.size,
                     " bytes, it has ", size, ", and at least ", least, " are needed"));
  }
  record = record.substr(0, header.size);
  if (!HasTimes(header)) return ImpossibleTime();

  SetHeader(header, &event->header);
  switch (header.type) {
    case HT_TYPE_FORK:
      return ReadFork(record, &event->body.emplace<Fork>());
    case HT_TYPE_EXEC:
      return ReadExec(record, &event->body.emplace<Exec>());
    case HT_TYPE_EXIT:
      event->body = Exit{.status = Copy<ht_exit>(record).status};
      break;
    case HT_TYPE_TCP:
      event->body = ToTcp(Copy<ht_tcp>(record));
      break;
    case HT_TYPE_ACCEPT:
      event->body = ToAccept(Copy<ht_accept>(record));
      break;
    case HT_TYPE_PAM:
      event->body = ToPam(Copy<ht_pam>(record));
      break;
    case HT_TYPE_SSHD:
      event->body = ToSshdMessage(Copy<ht_sshd>(record));
      break;
    case HT_TYPE_PROCESS_SNAPSHOT:
      return ReadProcessSnapshot(record, &event->body.emplace<ProcessSnapshot>());
    case HT_TYPE_SOCKET_SNAPSHOT:
      event->body = ToSocketSnapshot(Copy<ht_socket_snapshot>(record));
      break;
    case HT_TYPE_SNAPSHOT_DONE:
      event->body = SnapshotDone{};
      break;
    case HT_TYPE_LOST:
      event->body = ToLost(Copy<ht_lost>(record));
      break;
    case HT_TYPE_UNIX_CONNECT:
      return ReadUnixConnect(record, &event->body.emplace<UnixConnect>());
    case HT_TYPE_DATAGRAM_FLOW:
      event->body = ToDatagramFlow(Copy<ht_datagram_flow>(record));
      break;
    case HT_TYPE_FILE:
      return ReadFile(record, &event->body.emplace<File>());
    case HT_TYPE_CREDENTIALS:
      event->body = ToCredentialsChange(Copy<ht_credentials>(record));
      break;
    case HT_TYPE_NAMESPACES:
      event->body = ToNamespacesChange(Copy<ht_namespaces>(record));
      break;
    case HT_TYPE_TAMPERING:
      event->body = ToTampering(Copy<ht_tampering>(record));
      break;
    case HT_TYPE_TRACE:
      event->body = ToTrace(Copy<ht_trace>(record));
      break;
  }
  return absl::OkStatus();
}

}  // namespace

const char* TypeName(uint32_t type) {
  static constexpr const char* kNames[HT_TYPES] = HT_TYPE_NAMES;
  return type < HT_TYPES ? kNames[type] : "unknown";
}

size_t LeastSize(uint16_t type) { return type < HT_TYPES ? kLeastSize[type] : 0; }

absl::StatusOr<Event> Decode(const void* data, size_t size) {
  absl::StatusOr<Event> event(absl::in_place);  // returned without a copy or a move
  absl::Status status = Read(data, size, &*event);
  if (!status.ok()) event = std::move(status);
  return event;
}

}  // namespace hoptrail::agent::decode
