#include "collector/engine/engine.h"

#include "collector/engine/engine_impl.h"

namespace hoptrail::collector::engine {

Engine::Engine(EngineOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Engine::~Engine() = default;

void Engine::Restore(StoredState state) { impl_->Restore(std::move(state)); }

void Engine::Apply(const model::Fact& fact, Outcome* outcome) {
  Apply(absl::MakeConstSpan(&fact, 1), outcome);
}

void Engine::Apply(absl::Span<const model::Fact> facts, Outcome* outcome) {
  for (const model::Fact& fact : facts) impl_->Take(fact);
  impl_->Settle(outcome);
}

void Engine::Apply(const model::HostId& host, const model::Goodbye& goodbye, Outcome* outcome) {
  impl_->JudgeGoodbye(host, goodbye);
  impl_->Settle(outcome);
}

void Engine::Tick(Outcome* outcome) {
  impl_->TickJoins();
  impl_->Settle(outcome);
  impl_->Age();
}

void Engine::SetHostName(const model::HostId& host, absl::string_view name, Outcome* outcome) {
  impl_->SetHostName(host, name);
  impl_->Settle(outcome);
}

bool Engine::AnyoneIn(const model::HostId& host) const { return impl_->AnyoneIn(host); }

void Engine::SetRules(const v1::FleetRulesConfig& rules, model::Severity minimum_severity,
                      Outcome* outcome) {
  if (!impl_->SetRules(rules, minimum_severity)) return;
  impl_->Settle(outcome);
}

void Engine::SetRetention(int64_t retention_ns) { impl_->SetRetention(retention_ns); }

void Engine::ForgetHost(const model::HostId& host) {
  GraphState& graph = impl_->graph();
  if (!graph.by_host.contains(host)) graph.host_names.erase(host);
}

absl::StatusOr<model::Incident> Engine::SetIncidentState(const model::IncidentId& id,
                                                         model::IncidentState state,
                                                         absl::string_view who, Outcome* outcome) {
  if (absl::Status status = impl_->SetIncidentState(id, state, who); !status.ok()) return status;
  impl_->Settle(outcome);
  return *FindIncident(id);
}

Path Engine::PathOf(const model::SessionId& session) const { return impl_->PathOf(session); }

const model::Session* Engine::FindSession(const model::SessionId& id) const {
  const SessionNode* node = impl_->graph().Find(id);
  return node == nullptr || !node->value.has_value() ? nullptr : &*node->value;
}

const model::Incident* Engine::FindIncident(const model::IncidentId& id) const {
  return impl_->incidents().Find(id);
}

std::optional<model::Hop> Engine::FindHop(const graph::HopId& key) const {
  return impl_->joiner().Find(key);
}

model::IncidentId Engine::IncidentOf(const model::SessionId& session) const {
  return impl_->IncidentOf(session);
}

std::vector<model::Provenance> Engine::ProvenanceOf(const model::HostId& host) const {
  return impl_->ProvenanceOf(host);
}

std::string Engine::HostName(const model::HostId& host) const {
  return impl_->graph().HostName(host);
}

Engine::Counts Engine::counts() const { return impl_->counts(); }

Path Engine::Impl::PathOf(const model::SessionId& session) const {
  Path path;
  if (graph_.Find(session) == nullptr) return path;
  const model::SessionId root = graph_.lineage.Root(session);
  std::vector<model::SessionId> must = {session};
  if (const TreeIndex::Tree* tree = trees_.Find(root)) {
    must.insert(must.end(), tree->detected.begin(), tree->detected.end());
  }
  absl::flat_hash_map<model::SessionId, int32_t> index;
  path.proven = true;
  for (const model::SessionId& id : graph_.Tree(root, must, kMaxPathSteps, &path.truncated)) {
    PathStep step;
    step.session = id;
    step.depth = graph_.lineage.Depth(id);
    const graph::Link* link = graph_.lineage.Parent(id);
    if (link == nullptr) {
      step.hop = graph_.EntryOf(id);
    } else if (link->kind == graph::LinkKind::kHop) {
      step.hop = link->hop;
      path.proven = path.proven && link->proof == model::Proof::kProven;
    } else {
      step.link = graph_.CauseOf(id);
    }
    if (link != nullptr) {
      auto parent = index.find(link->parent);
      step.parent = parent == index.end() ? 0 : parent->second;
    }
    index[id] = static_cast<int32_t>(path.steps.size());
    path.steps.push_back(std::move(step));
  }
  return path;
}

model::IncidentId Engine::Impl::IncidentOf(const model::SessionId& session) const {
  const TreeIndex::Tree* tree = trees_.Find(graph_.lineage.Root(session));
  if (tree == nullptr) return {};
  const model::Incident* incident =
      incidents_.Surviving({tree->anchors.begin(), tree->anchors.end()});
  return incident == nullptr ? model::IncidentId{} : incident->id;
}

std::vector<model::Provenance> Engine::Impl::ProvenanceOf(const model::HostId& host) const {
  std::vector<model::Provenance> all;
  auto sessions = graph_.by_host.find(host);
  if (sessions == graph_.by_host.end()) return all;
  for (const model::SessionId& id : sessions->second) {
    const SessionNode& node = *graph_.Find(id);
    if (node.value.has_value() && node.value->closed_wall_ns == 0 && node.provenance != 0) {
      all.push_back(graph_.ProvenanceOf(id));
    }
  }
  return all;
}

Engine::Counts Engine::Impl::counts() const {
  return {.sessions = graph_.sessions.size(),
          .hop_ends = joiner_.size(),
          .proven = joiner_.proven(),
          .inferred = joiner_.inferred(),
          .contradicted = joiner_.contradicted(),
          .incidents = incidents_.size(),
          .refused = refused_,
          .aged = aged_};
}

}  // namespace hoptrail::collector::engine
