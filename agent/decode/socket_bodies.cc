#include "agent/decode/socket_bodies.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "agent/decode/fields.h"
#include <sys/socket.h>

namespace hoptrail::agent::decode {
namespace {

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

// An abstract name may contain any byte. NULs are shown as '@', as ss(8) and netstat(8) do.
std::string AbstractName(absl::string_view bytes) {
  std::string name = absl::StrCat("@", bytes);
  std::replace(name.begin(), name.end(), '\0', '@');
  return name;
}

}  // namespace

Tcp ToTcp(const ht_tcp& raw) {
  return {.phase = CheckedEnum(raw.phase, TcpPhase::kClosed),
          .side = ToSide(raw.connection),
          .socket = raw.connection.socket,
          .flow = ToFlow(raw.connection),
          .hop_key = ToHopKey(raw.connection),
          .network_namespace = raw.connection.network_namespace,
          .rtt_us = raw.connection.rtt_us,
          .bytes_sent = raw.bytes_sent,
          .bytes_received = raw.bytes_received,
          .error = raw.error};
}

Accept ToAccept(const ht_accept& raw) {
  return {.socket = raw.connection.socket,
          .flow = ToFlow(raw.connection),
          .hop_key = ToHopKey(raw.connection),
          .network_namespace = raw.connection.network_namespace,
          .rtt_us = raw.connection.rtt_us,
          .first_use = raw.first_use != 0,
          .handed_over = raw.handed_over != 0,
          .side = raw.handed_over != 0 ? ToSide(raw.connection) : TcpSide::kServer};
}

SocketSnapshot ToSocketSnapshot(const ht_socket_snapshot& raw) {
  return {.listening = raw.connection.listening != 0,
          .side = ToSide(raw.connection),
          .socket = raw.connection.socket,
          .flow = ToFlow(raw.connection),
          .hop_key = ToHopKey(raw.connection),
          .network_namespace = raw.connection.network_namespace,
          .rtt_us = raw.connection.rtt_us};
}

absl::Status ReadUnixConnect(absl::string_view record, UnixConnect* connect) {
  const auto raw = Copy<ht_unix_connect>(record);
  Parts parts(record.substr(sizeof(raw)));
  absl::string_view name;
  if (!parts.Take(raw.name, &name)) return TextTooLong();
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

DatagramFlow ToDatagramFlow(const ht_datagram_flow& raw) {
  DatagramFlow flow{.local_port = raw.local_port,
                    .protocol = raw.protocol,
                    .raw = raw.raw != 0,
                    .first = raw.first != 0,
                    .network_namespace = raw.network_namespace,
                    .packets = raw.packets,
                    .bytes = raw.bytes};
  std::copy_n(raw.peer_address, 16, flow.peer.address.bytes.begin());
  flow.peer.port = raw.peer_port;
  return flow;
}

}  // namespace hoptrail::agent::decode
