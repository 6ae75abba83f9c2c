#ifndef HOPTRAIL_COLLECTOR_ENGINE_ENGINE_IMPL_H_
#define HOPTRAIL_COLLECTOR_ENGINE_ENGINE_IMPL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

#include "collector/engine/engine.h"
#include "collector/engine/graph/graph_state.h"
#include "collector/engine/graph/tree_index.h"
#include "collector/engine/incident/incident_registry.h"
#include "collector/engine/join/joiner.h"
#include "collector/rules/rule_runner.h"
#include "core/graph/due_queue.h"

namespace hoptrail::collector::engine {

// The engine's work is in two steps. Taking in a fact changes the graph and notes what that may
// touch (dirty sessions, dirty trees); settling then derives what follows, for those only, and says
// what came out differently. What is derived depends on the graph alone, which is why the order of
// facts does not matter.
class Engine::Impl {
 public:
  explicit Impl(EngineOptions options);

  // engine_facts.cc: taking in.
  void Restore(StoredState state);
  void Take(const model::Fact& fact);
  void TickJoins() {
    joiner_.Tick(BootNow());
    ApplyJoins();
  }
  void SetHostName(const model::HostId& host, absl::string_view name);
  absl::Status SetIncidentState(const model::IncidentId& id, model::IncidentState state,
                                absl::string_view who);

  // engine_blinding.cc: what happened to an agent.
  void JudgeGoodbye(const model::HostId& host, const model::Goodbye& goodbye);
  bool AnyoneIn(const model::HostId& host) const { return Suspect(host).suspect != nullptr; }

  // False: they are the same.
  bool SetRules(const v1::FleetRulesConfig& rules, model::Severity minimum_severity);
  void SetRetention(int64_t retention_ns) { options_.retention_ns = retention_ns; }

  // engine_settle.cc: deriving and telling.
  void Settle(Outcome* outcome);

  // engine_aging.cc: forgetting.
  void Age();

  // engine.cc: reading.
  Path PathOf(const model::SessionId& session) const;
  model::IncidentId IncidentOf(const model::SessionId& session) const;
  std::vector<model::Provenance> ProvenanceOf(const model::HostId& host) const;
  Counts counts() const;

  // What waits and what ages goes by the clock that nobody sets; what is told by the other.
  int64_t BootNow() const { return static_cast<int64_t>(options_.clock->BootNs()); }
  int64_t WallNow() const { return options_.clock->WallNs(); }
  GraphState& graph() { return graph_; }
  const GraphState& graph() const { return graph_; }
  const Joiner& joiner() const { return joiner_; }
  const IncidentRegistry& incidents() const { return incidents_; }

 private:
  void ApplySession(const model::Session& session);
  void ApplyHopEnd(const model::HopEnd& end);
  void ApplyDetection(const model::Detection& detection);
  struct Suspicion {
    const SessionNode* suspect = nullptr;  // null: nobody is logged in
    size_t others = 0;
  };
  Suspicion Suspect(const model::HostId& host) const;
  void JudgeTrouble(const Suspicion& suspicion, AgentTrouble trouble);
  const model::Detection* FindDetection(const model::DetectionId& id) const;
  PathChange ReadPath(const model::SessionId& root, const TreeIndex::Tree& tree) const;
  // Adds or replaces; false where nothing changed.
  bool PutDetection(const model::Detection& detection);
  SessionNode& Node(const model::SessionId& id, const model::HostId& host);
  // The fact names a session of another host.
  bool Foreign(const model::SessionId& id, const model::HostId& host) const;

  // Turns the joiner's changes into links between sessions, and notes the hops to be emitted.
  void ApplyJoins();
  void ApplyJoin(JoinChange change);
  void ForgetEnds(const graph::HopId& hop, const HopNode& node);
  void Relink(const graph::HopId& hop);
  void OfferCause(const model::SessionId& child);
  void Note(const model::SessionId& child, const graph::Lineage::Change& change);
  void MarkSubtree(const model::SessionId& id);

  void Place(const model::SessionId& id);
  void SettleSession(const model::SessionId& id);
  void SettleTree(const model::SessionId& root);
  void JudgePath(const model::SessionId& root, const TreeIndex::Tree& tree);
  void EmitProvenance(const model::SessionId& id);
  std::string TitleOf(const model::SessionId& root, const TreeIndex::Tree& tree,
                      const std::vector<model::SessionId>& sessions) const;
  void Emit(Outcome* outcome);

  bool OnIncident(const model::SessionId& id) const;
  bool DropSession(const model::SessionId& id);
  void DropHop(const graph::HopId& end);
  void AgeSessions(int64_t now);
  void AgeHops(int64_t now);

  EngineOptions options_;
  Joiner joiner_;
  GraphState graph_;
  TreeIndex trees_;
  IncidentRegistry incidents_;
  std::optional<rules::RuleRunner> rules_;  // always there

  // Children that named a cause which was not told yet.
  absl::flat_hash_map<model::SessionId, absl::btree_set<model::SessionId>> waiting_;
  absl::btree_set<model::SessionId> dirty_sessions_;
  // Whose name, origin or link changed, which their whole path shows.
  absl::btree_set<model::SessionId> relabelled_;
  absl::btree_set<model::SessionId> dirty_trees_;
  absl::flat_hash_set<model::DetectionId> escalated_;  // since the last Settle

  // To be told.
  absl::btree_set<model::SessionId> changed_sessions_;
  absl::btree_map<graph::HopId, model::Hop> changed_hops_;
  absl::btree_set<graph::HopId> removed_hops_;
  absl::btree_set<model::DetectionId> changed_detections_;
  absl::btree_map<model::SessionId, model::Provenance> provenance_;
  absl::btree_map<model::HostId, ClockOffset> changed_clocks_;

  graph::DueQueue<model::SessionId> session_age_;
  graph::DueQueue<graph::HopId> hop_age_;
  uint64_t refused_ = 0;
  uint64_t aged_ = 0;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_ENGINE_IMPL_H_
