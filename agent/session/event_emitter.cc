#include "agent/session/event_emitter.h"

#include <variant>

#include "agent/session/activity_records.h"

namespace hoptrail::agent::session {
namespace {

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

EventEmitter::EventEmitter(const Dependencies& dependencies)
    : clock_(dependencies.clock),
      processes_(dependencies.processes),
      sessions_(dependencies.sessions),
      connections_(dependencies.connections),
      sink_(dependencies.sink),
      interests_(sink_ == nullptr ? Interests() : sink_->interests()),
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
  } else if (const auto* trace = enriched.As<decode::Trace>()) {
    SetOther(trace->target, &enriched);
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

void EventEmitter::AddLostExit(const model::ProcessKey& process) {
  if (Wants(Activity::kProcessEnded)) ended_.push_back(process);
}

void EventEmitter::AddLostClose(const Connection& connection) {
  if (Wants(Activity::kConnectionClosed)) closed_.push_back(ViewOf(connection));
}

void EventEmitter::EmitAllLostEnds(uint64_t boot_ns) {
  for (const model::ProcessKey& key : ended_) {
    EnrichedEvent enriched = Begin(Activity::kProcessEnded, boot_ns);
    SetProcess(processes_->Find(key), &enriched);
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
