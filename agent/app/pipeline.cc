#include "agent/app/pipeline.h"

#include <utility>
#include <variant>

namespace hoptrail::agent::app {
namespace {

session::Correlator::Options CorrelatorOptions(Pipeline::Options& options) {
  session::Correlator::Options result;
  result.host = options.host;
  result.clock = options.clock;
  result.watched_ports = std::move(options.watched_ports);
  result.user_resolver = std::move(options.user_resolver);
  result.has_timer = std::move(options.has_timer);
  if (options.host_pid_namespace) result.host_pid_namespace = *options.host_pid_namespace;
  result.store = options.store;
  result.saved = std::move(options.saved);
  return result;
}

}  // namespace

Pipeline::Pipeline(Options options)
    : clock_(options.clock),
      sink_(std::move(options.sink)),
      correlator_(CorrelatorOptions(options), this),
      pivot_(std::move(options.pivot)),
      brute_force_(options.brute_force),
      blinding_(options.blinding) {}

void Pipeline::Handle(const decode::Event& event) {
  ++events_;
  correlator_.Handle(event);
  if (const auto* tampering = std::get_if<decode::Tampering>(&event.body)) {
    OnTampering(event.header, *tampering);
  }
}

void Pipeline::OnTampering(const decode::Header& header, const decode::Tampering& tampering) {
  using Way = detect::BlindingRule::Way;
  detect::BlindingRule::Attempt attempt;
  switch (tampering.kind) {
    case decode::TamperingKind::kSignal:
      attempt.way = Way::kSignal;
      attempt.number = tampering.signal;
      break;
    case decode::TamperingKind::kPtrace:
      attempt.way = Way::kTrace;
      break;
    case decode::TamperingKind::kBpf:
      attempt.way = Way::kBpf;
      attempt.number = tampering.bpf_command;
      break;
    case decode::TamperingKind::kUnknown:
      return;
  }
  attempt.target = tampering.target_command;
  attempt.command = header.command;
  attempt.process = header.process;
  attempt.repeats = tampering.repeats;
  attempt.wall_ns = clock_->WallFromBoot(header.boot_ns);
  const model::Session* session = correlator_.FindSession(correlator_.SessionOf(header.process));
  if (auto detection = blinding_.OnAttempt(attempt, session)) sink_(*std::move(detection));
}

void Pipeline::Handle(const model::Provenance& provenance) {
  if (!correlator_.Handle(provenance, clock_->BootNs())) return;
  for (model::Detection& detection : pivot_.OnProvenance(provenance)) sink_(std::move(detection));
}

void Pipeline::Tick() { correlator_.Tick(); }

Pipeline::Counts Pipeline::counts() const {
  return {.events = events_,
          .lost = lost_,
          .processes = correlator_.process_count(),
          .sessions = correlator_.session_count(),
          .connections = correlator_.connection_count(),
          .logins = logins_.size()};
}

void Pipeline::OnSession(const model::Session& session) {
  const bool login = session.logged_in || session.kind == model::EntryKind::kConsole;
  if (login && session.closed_wall_ns == 0) {
    logins_.insert(session.id);
  } else {
    logins_.erase(session.id);
  }
  sink_(session);
}

void Pipeline::OnHopEnd(const model::HopEnd& hop) {
  sink_(hop);
  const session::Node* node = correlator_.FindNode(hop.session);
  if (node == nullptr) return;
  const model::Session& session = node->session;
  const bool remote = node->remote() ? session.logged_in : node->from_remote;
  const model::Provenance* provenance = correlator_.FindProvenance(hop.session);
  if (auto detection = pivot_.OnHopEnd(hop, session, remote, provenance)) {
    sink_(*std::move(detection));
  }
}

void Pipeline::OnLoginAttempt(const model::LoginAttempt& attempt,
                              const model::SessionId& listener) {
  sink_(attempt);
  if (auto detection = brute_force_.OnLoginAttempt(attempt, listener)) {
    sink_(*std::move(detection));
  }
}

void Pipeline::OnEdge(const model::EdgeCount& edge) { sink_(edge); }

void Pipeline::OnLoss(const model::Loss& loss) {
  lost_ += loss.count;
  sink_(loss);
}

}  // namespace hoptrail::agent::app
