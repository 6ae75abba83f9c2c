#include "agent/session/activity_records.h"

#include <cstddef>
#include <type_traits>
#include <variant>

namespace hoptrail::agent::session {
namespace {

struct ActivityOfBody {
  Activity operator()(const decode::Fork&) const { return Activity::kProcessForked; }
  Activity operator()(const decode::Exec&) const { return Activity::kProcessStarted; }
  Activity operator()(const decode::Exit&) const { return Activity::kProcessEnded; }
  Activity operator()(const decode::Tcp& tcp) const {
    switch (tcp.phase) {
      case decode::TcpPhase::kListen:
        return Activity::kListening;
      case decode::TcpPhase::kConnect:
        return Activity::kConnectionAttempted;
      case decode::TcpPhase::kEstablished:
        return tcp.side == decode::TcpSide::kClient ? Activity::kConnectionOpened
                                                    : Activity::kConnectionArrived;
      case decode::TcpPhase::kFailed:
        return Activity::kConnectionFailed;
      case decode::TcpPhase::kClosed:
        return Activity::kConnectionClosed;
      case decode::TcpPhase::kUnknown:
        break;
    }
    return Activity::kUnknown;
  }
  Activity operator()(const decode::Accept& accept) const {
    return accept.handed_over ? Activity::kConnectionHandedOver : Activity::kConnectionAccepted;
  }
  Activity operator()(const decode::Pam&) const { return Activity::kPamClaim; }
  Activity operator()(const decode::SshdMessage&) const { return Activity::kSshdClaim; }
  Activity operator()(const decode::ProcessSnapshot&) const { return Activity::kSnapshotProcess; }
  Activity operator()(const decode::SocketSnapshot&) const { return Activity::kSnapshotSocket; }
  Activity operator()(const decode::SnapshotDone&) const { return Activity::kSnapshotDone; }
  Activity operator()(const decode::Lost&) const { return Activity::kRecordsLost; }
  Activity operator()(const decode::UnixConnect&) const { return Activity::kUnixConnected; }
  Activity operator()(const decode::DatagramFlow&) const { return Activity::kDatagramFlow; }
  Activity operator()(const decode::File& file) const {
    return file.action == decode::FileAction::kOpen ? Activity::kFileOpened
                                                    : Activity::kFileReplaced;
  }
  Activity operator()(const decode::CredentialsChange&) const {
    return Activity::kCredentialsChanged;
  }
  Activity operator()(const decode::NamespacesChange&) const {
    return Activity::kNamespacesChanged;
  }
  Activity operator()(const decode::Tampering&) const { return Activity::kTampering; }
  Activity operator()(const decode::Trace&) const { return Activity::kProcessTraced; }
};

template <typename Body, size_t index = 0>
constexpr uint64_t BitOf() {
  using Record = std::variant_alternative_t<index, decltype(decode::Event::body)>;
  if constexpr (std::is_same_v<Record, Body>) {
    return uint64_t{1} << index;
  } else {
    return BitOf<Body, index + 1>();
  }
}

// The bit of the record that becomes an event of that kind; 0 for kinds that the stage derives.
uint64_t RecordOf(Activity kind) {
  switch (kind) {
    case Activity::kProcessForked:
      return BitOf<decode::Fork>();
    case Activity::kProcessStarted:
      return BitOf<decode::Exec>();
    case Activity::kProcessEnded:
      return BitOf<decode::Exit>();
    case Activity::kCredentialsChanged:
      return BitOf<decode::CredentialsChange>();
    case Activity::kNamespacesChanged:
      return BitOf<decode::NamespacesChange>();
    case Activity::kSnapshotProcess:
      return BitOf<decode::ProcessSnapshot>();
    case Activity::kSnapshotSocket:
      return BitOf<decode::SocketSnapshot>();
    case Activity::kSnapshotDone:
      return BitOf<decode::SnapshotDone>();
    case Activity::kFileOpened:
    case Activity::kFileReplaced:
      return BitOf<decode::File>();
    case Activity::kUnixConnected:
      return BitOf<decode::UnixConnect>();
    case Activity::kDatagramFlow:
      return BitOf<decode::DatagramFlow>();
    case Activity::kListening:
    case Activity::kConnectionAttempted:
    case Activity::kConnectionOpened:
    case Activity::kConnectionArrived:
    case Activity::kConnectionFailed:
    case Activity::kConnectionClosed:
      return BitOf<decode::Tcp>();
    case Activity::kConnectionAccepted:
    case Activity::kConnectionHandedOver:
      return BitOf<decode::Accept>();
    case Activity::kPamClaim:
      return BitOf<decode::Pam>();
    case Activity::kSshdClaim:
      return BitOf<decode::SshdMessage>();
    case Activity::kProcessTraced:
      return BitOf<decode::Trace>();
    case Activity::kTampering:
      return BitOf<decode::Tampering>();
    case Activity::kRecordsLost:
      return BitOf<decode::Lost>();
    case Activity::kUnknown:
    case Activity::kSessionChanged:
    case Activity::kHopEnd:
    case Activity::kLoginAttempt:
    case Activity::kProvenanceKnown:
    case Activity::kCount:
      break;
  }
  return 0;
}

}  // namespace

Activity ActivityOf(const decode::Event& event) { return std::visit(ActivityOfBody(), event.body); }

uint64_t RecordsOf(Interests interests) {
  uint64_t records = 0;
  for (int kind = 0; kind < static_cast<int>(Activity::kCount); ++kind) {
    const auto each = static_cast<Activity>(kind);
    if (interests.Contains(each)) records |= RecordOf(each);
  }
  return records;
}

}  // namespace hoptrail::agent::session
