#include "collector/engine/engine.h"

#include <cstddef>
#include <limits>
#include <utility>

#include <google/protobuf/util/message_differencer.h>

#include "collector/engine/aging.h"
#include "collector/engine/end_requests.h"
#include "collector/engine/engine_state.h"
#include "collector/engine/evaluator.h"
#include "collector/engine/fact_intake.h"
#include "collector/engine/join/joiner.h"
#include "collector/engine/passages.h"
#include "collector/engine/path_reader.h"
#include "collector/engine/suspicion.h"

namespace hoptrail::collector::engine {

namespace {

// The steps of all paths that one call evaluates. It bounds the time between two answers of the
// engine's thread: the ancestors of many sessions may change at once.
constexpr size_t kMaxSteps = 10'000;

}  // namespace

struct Engine::Parts {
  explicit Parts(EngineOptions options) : state(std::move(options)) {
    joiner.SetTranslations(state.options.translations);
  }

  void Settle(Outcome* outcome) {
    evaluator.Settle(kMaxSteps);
    state.changes.Emit(state.graph, &state.incidents, outcome);
  }

  EngineState state;
  Joiner joiner;
  Evaluator evaluator{&state, &joiner};
  EndRequests end_requests{&joiner};
  FactIntake intake{&state, &joiner, &evaluator, &end_requests};
  Passages passages{&state, &joiner};
  Aging aging{&state, &joiner};
};

Engine::Engine(EngineOptions options) : parts_(std::make_unique<Parts>(std::move(options))) {}
Engine::~Engine() = default;

void Engine::Restore(StoredState state) {
  parts_->intake.Restore(state);
  parts_->passages.Run(/*waits=*/false);
  parts_->evaluator.Settle(std::numeric_limits<size_t>::max());
  // An agent gets its provenance when it connects.
  parts_->state.changes.provenance.clear();
}

void Engine::Apply(const model::Fact& fact, Outcome* outcome) {
  Apply(absl::MakeConstSpan(&fact, 1), outcome);
}

void Engine::Apply(absl::Span<const model::Fact> facts, Outcome* outcome) {
  for (const model::Fact& fact : facts) parts_->intake.Take(fact);
  parts_->Settle(outcome);
}

void Engine::NoteTrouble(const model::HostId& host, const AgentTroubleKind& what,
                         Outcome* outcome) {
  parts_->evaluator.EvaluateTrouble(host, what);
  parts_->Settle(outcome);
}

void Engine::NoteFlood(const model::SessionId& session, ClaimKind kind, Outcome* outcome) {
  parts_->evaluator.EvaluateFlood(session, kind);
  parts_->Settle(outcome);
}

void Engine::Continue(Outcome* outcome) { parts_->Settle(outcome); }

bool Engine::unfinished() const { return !parts_->state.changes.unevaluated.empty(); }

void Engine::Tick(Outcome* outcome) {
  parts_->joiner.Tick(parts_->state.BootNow());
  parts_->intake.TakeJoins();
  parts_->end_requests.Take(parts_->state.BootNow(), &outcome->end_requests);
  parts_->passages.Run();
  parts_->evaluator.EvaluateOrigins();
  parts_->evaluator.RetryWaitingIncidents();
  parts_->Settle(outcome);
  parts_->aging.Run();
}

void Engine::SetHostName(const model::HostId& host, absl::string_view name, Outcome* outcome) {
  parts_->state.SetHostName(host, name);
  parts_->Settle(outcome);
}

bool Engine::IsAnyoneLoggedIn(const model::HostId& host) const {
  return HasOpenLogin(parts_->state, host);
}

void Engine::SetRules(const v1::FleetRulesConfig& rules, model::Severity minimum_severity,
                      Outcome* outcome) {
  EngineOptions& options = parts_->state.options;
  if (minimum_severity == options.minimum_severity &&
      google::protobuf::util::MessageDifferencer::Equals(rules, options.rules)) {
    return;
  }
  options.rules = rules;
  options.minimum_severity = minimum_severity;
  parts_->state.incidents.SetMinimum(minimum_severity);
  parts_->evaluator.SetRules(rules);
  parts_->Settle(outcome);
}

void Engine::SetRetention(int64_t retention_ns) {
  parts_->state.options.retention_ns = retention_ns;
}

void Engine::SetTranslations(std::vector<model::IpPrefix> translations) {
  if (translations == parts_->state.options.translations) return;
  parts_->state.options.translations = translations;
  parts_->joiner.SetTranslations(std::move(translations));
  parts_->passages.RecheckAll();
}

void Engine::SetStreamAddress(const model::HostId& host, const model::IpAddress& address) {
  parts_->joiner.SetStreamAddress(host, address);
  parts_->passages.Recheck(address);
}

void Engine::SetAgent(const model::HostId& host, const AgentPresence& presence) {
  parts_->state.origins.NoteAgent(host, presence);
}

void Engine::ForgetAddresses(int64_t before_wall_ns) {
  parts_->state.origins.Forget(before_wall_ns);
}

void Engine::ForgetHost(const model::HostId& host) {
  GraphState& graph_state = parts_->state.graph;
  if (!graph_state.by_host.contains(host)) graph_state.host_names.Forget(host);
}

absl::StatusOr<model::Incident> Engine::SetIncidentState(const model::IncidentId& id,
                                                         model::IncidentState state,
                                                         absl::string_view who, Outcome* outcome) {
  IncidentRegistry& incidents = parts_->state.incidents;
  absl::Status status = incidents.SetState(id, state, who, parts_->state.WallNow());
  if (!status.ok()) return status;
  parts_->Settle(outcome);
  return *incidents.Find(id);
}

Path Engine::PathOf(const model::SessionId& session) const {
  return ReadPath(parts_->state.graph, parts_->state.trees, session);
}

const model::Session* Engine::FindSession(const model::SessionId& id) const {
  const SessionNode* node = parts_->state.graph.Find(id);
  return node == nullptr || !node->value.has_value() ? nullptr : &*node->value;
}

const model::Detection* Engine::FindDetection(const model::DetectionId& id) const {
  return parts_->state.FindDetection(id);
}

std::vector<model::Provenance> Engine::ProvenanceOf(const model::HostId& host) const {
  return ReadProvenance(parts_->state.graph, host);
}

const HostNames& Engine::host_names() const { return parts_->state.graph.host_names; }

Engine::Counts Engine::counts() const {
  return {.sessions = parts_->state.graph.sessions.size(),
          .hop_ends = parts_->joiner.size(),
          .proven = parts_->joiner.proven(),
          .contradicted = parts_->joiner.contradicted(),
          .incidents = parts_->state.incidents.size(),
          .refused = parts_->state.refused,
          .aged = parts_->aging.aged()};
}

}  // namespace hoptrail::collector::engine
