#include "agent/session/event_emitter.h"

#include <type_traits>
#include <utility>
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
  Activity operator()(const decode::Tampering&) const { return Activity::kSensorTouched; }
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

// The record that becomes an event of that kind; none for what the stage derives.
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
    case Activity::kSensorTouched:
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

uint64_t RecordsOf(Interests interests) {
  uint64_t records = 0;
  for (int kind = 0; kind < static_cast<int>(Activity::kCount); ++kind) {
    const auto each = static_cast<Activity>(kind);
    if (interests.Contains(each)) records |= RecordOf(each);
  }
  return records;
}

uint64_t SocketOf(const decode::Event& event) {
  if (const auto* tcp = std::get_if<decode::Tcp>(&event.body)) return tcp->socket;
  if (const auto* accept = std::get_if<decode::Accept>(&event.body)) return accept->socket;
  if (const auto* held = std::get_if<decode::SocketSnapshot>(&event.body)) return held->socket;
  return 0;
}

bool EndsConnection(Activity kind) {
  return kind == Activity::kConnectionClosed || kind == Activity::kConnectionFailed;
}

}  // namespace

Activity ActivityOf(const decode::Event& event) { return std::visit(ActivityOfBody(), event.body); }

EventEmitter::EventEmitter(const Clock* clock, process::ProcessTable* processes,
                           SessionSet* sessions, ConnectionTable* connections, EventSink* sink)
    : clock_(clock),
      processes_(processes),
      sessions_(sessions),
      connections_(connections),
      sink_(sink),
      interests_(sink == nullptr ? Interests() : sink->interests()),
      records_(RecordsOf(interests_)) {}

ConnectionView EventEmitter::ViewOf(const Connection& connection) {
  return {.socket = connection.socket,
          .side = connection.side,
          .flow = connection.flow,
          .hop_key = connection.hop_key,
          .network_namespace = connection.network_namespace,
          .rtt_us = connection.rtt_us,
          .established_boot_ns = connection.established_boot_ns,
          .session = connection.session,
          .opened_session = connection.opened_session};
}

bool EventEmitter::Prepare(const decode::Event& event) {
  kind_ = ActivityOf(event);
  if (!Wants(kind_)) return false;
  has_connection_ = false;
  if (kind_ == Activity::kProcessStarted) {
    const process::Process* process = processes_->Find(event.header.process);
    image_before_ = process == nullptr ? nullptr : process->image;
  } else if (EndsConnection(kind_)) {
    SetConnection(event, nullptr);
  }
  return true;
}

void EventEmitter::SetConnection(const decode::Event& event, EnrichedEvent* enriched) {
  const uint64_t socket = SocketOf(event);
  if (socket != 0 && !has_connection_) {
    if (const Connection* connection = connections_->Find(socket); connection != nullptr) {
      connection_ = ViewOf(*connection);
      owner_ = connection->owner;
      has_connection_ = true;
    }
  }
  if (enriched == nullptr || !has_connection_) return;
  if (const auto* tcp = enriched->As<decode::Tcp>()) {
    if (connection_.hop_key.empty()) connection_.hop_key = tcp->hop_key;
    connection_.bytes_sent = tcp->bytes_sent;
    connection_.bytes_received = tcp->bytes_received;
  }
  enriched->connection = &connection_;
}

EnrichedEvent EventEmitter::Begin(Activity kind, uint64_t boot_ns) const {
  EnrichedEvent enriched;
  enriched.kind = kind;
  enriched.boot_ns = boot_ns;
  enriched.clock = clock_;
  enriched.lineage = Lineage(processes_);
  return enriched;
}

void EventEmitter::SetSession(const Node* node, EnrichedEvent* enriched) const {
  if (node == nullptr) return;
  enriched->session = &node->session;
  enriched->context = node;
  if (node->provenance.has_value()) enriched->provenance = &*node->provenance;
}

void EventEmitter::SetProcess(const process::Process* process, EnrichedEvent* enriched) const {
  if (process == nullptr) return;
  enriched->process = process;
  SetSession(sessions_->Find(process->session), enriched);
}

void EventEmitter::SetOther(const model::ProcessKey& other, EnrichedEvent* enriched) const {
  const process::Process* process = processes_->Find(other);
  if (process == nullptr) return;
  enriched->other = process;
  const Node* node = sessions_->Find(process->session);
  if (node != nullptr) enriched->other_session = &node->session;
}

void EventEmitter::EmitWanted(const decode::Event& event) {
  EnrichedEvent enriched = Begin(kind_, event.header.boot_ns);
  enriched.event = &event;
  SetConnection(event, &enriched);
  SetProcess(processes_->Find(event.header.process), &enriched);
  if (enriched.process == nullptr && enriched.connection != nullptr) {
    SetProcess(processes_->Find(owner_), &enriched);
  }
  if (enriched.session == nullptr && enriched.connection != nullptr) {
    SetSession(sessions_->Find(connection_.session), &enriched);
  }
  if (const auto* fork = enriched.As<decode::Fork>()) {
    SetOther(fork->child, &enriched);
  } else if (const auto* connect = enriched.As<decode::UnixConnect>()) {
    SetOther(connect->peer, &enriched);
  } else if (const auto* tampering = enriched.As<decode::Tampering>()) {
    SetOther(tampering->target, &enriched);
  }
  enriched.image_before = image_before_.get();
  sink_->OnEvent(enriched);
  image_before_ = nullptr;
}

void EventEmitter::SessionChanged(const Node& node, uint64_t boot_ns) {
  if (!Wants(Activity::kSessionChanged)) return;
  EnrichedEvent enriched = Begin(Activity::kSessionChanged, boot_ns);
  SetSession(&node, &enriched);
  sink_->OnEvent(enriched);
}

void EventEmitter::HopEndReported(const model::HopEnd& hop, uint64_t boot_ns) {
  if (!Wants(Activity::kHopEnd)) return;
  EnrichedEvent enriched = Begin(Activity::kHopEnd, boot_ns);
  enriched.process = processes_->Find(hop.process);
  SetSession(sessions_->Find(hop.session), &enriched);
  enriched.hop = &hop;
  sink_->OnEvent(enriched);
}

void EventEmitter::LoginAttempted(const model::LoginAttempt& attempt,
                                  const model::SessionId& listener, uint64_t boot_ns) {
  if (!Wants(Activity::kLoginAttempt)) return;
  EnrichedEvent enriched = Begin(Activity::kLoginAttempt, boot_ns);
  SetSession(sessions_->Find(attempt.session), &enriched);
  enriched.attempt = &attempt;
  enriched.listener = listener;
  sink_->OnEvent(enriched);
}

void EventEmitter::ProvenanceKnown(const Node& node, uint64_t boot_ns) {
  if (!Wants(Activity::kProvenanceKnown)) return;
  EnrichedEvent enriched = Begin(Activity::kProvenanceKnown, boot_ns);
  SetSession(&node, &enriched);
  sink_->OnEvent(enriched);
}

void EventEmitter::FoundEnded(const model::ProcessKey& process) {
  if (Wants(Activity::kProcessEnded)) ended_.push_back(process);
}

void EventEmitter::FoundClosed(const Connection& connection) {
  if (Wants(Activity::kConnectionClosed)) closed_.push_back(ViewOf(connection));
}

void EventEmitter::EmitAllFound(uint64_t boot_ns) {
  for (const model::ProcessKey& name : ended_) {
    EnrichedEvent enriched = Begin(Activity::kProcessEnded, boot_ns);
    SetProcess(processes_->Find(name), &enriched);
    if (enriched.process != nullptr) sink_->OnEvent(enriched);
  }
  ended_.clear();
  for (const ConnectionView& connection : closed_) {
    EnrichedEvent enriched = Begin(Activity::kConnectionClosed, boot_ns);
    SetSession(sessions_->Find(connection.session), &enriched);
    enriched.connection = &connection;
    sink_->OnEvent(enriched);
  }
  closed_.clear();
}

}  // namespace hoptrail::agent::session
