#ifndef HOPTRAIL_COLLECTOR_ENGINE_EVALUATOR_H_
#define HOPTRAIL_COLLECTOR_ENGINE_EVALUATOR_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"

#include "collector/engine/engine_state.h"
#include "collector/engine/graph/tree_index.h"
#include "collector/engine/join/joiner.h"
#include "collector/engine/origin_wait.h"
#include "collector/engine/suspicion.h"
#include "collector/engine/values/agent_trouble.h"
#include "collector/rules/rule_runner.h"
#include "core/base/keyed_budget.h"
#include "core/model/fact.h"
#include "core/model/ids.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::engine {

// Derives provenance, detections of fleet rules and incidents from the graph: the second of the
// engine's two steps. The result depends on the graph alone, so the order of facts does not matter.
// Owned by the engine, used by its thread.
class Evaluator {
 public:
  // Neither is owned; both outlive the evaluator.
  Evaluator(EngineState* state, const Joiner* joiner)
      : state_(state), origins_(state, joiner), rules_(state->options.rules) {}

  // Evaluates all sessions and paths again with other rules at the next Settle.
  void SetRules(const v1::FleetRulesConfig& config);

  // Evaluates what is dirty: all trees, and sessions until their paths have `most_steps` steps
  // together. The others stay in Changes::unevaluated.
  void Settle(size_t most_steps);

  // The agent of `host` has trouble. Detections are made at once; the next Settle puts them into
  // incidents.
  void EvaluateTrouble(const model::HostId& host, const AgentTroubleKind& what);
  // The host of `session` floods the collector. At most one detection an hour for each machine and
  // kind.
  void EvaluateFlood(const model::SessionId& session, ClaimKind kind);
  // The origins that no host has reported in time are evaluated at the next Settle.
  void EvaluateOrigins() { origins_.Tick(); }
  // Paths whose incidents have waited for room are evaluated at the next Settle.
  void RetryWaitingIncidents();

 private:
  void IndexDirty();
  void SettleSession(const model::SessionId& id);
  void SettleTree(const model::SessionId& root);
  void UpdateProvenance(const model::SessionId& id);
  void EvaluatePath(const model::SessionId& root, const TreeIndex::Tree& tree);
  // `stand_in`: a session that is added if there is a detection on it; may be null.
  void RunTroubleRules(AgentTrouble trouble, const model::Session* stand_in);
  void UpdateIncident(const model::SessionId& root, const TreeIndex::Tree& tree);
  bool MayOpenIncident(const IncidentRegistry::PathState& path);

  EngineState* const state_;
  OriginWait origins_;
  rules::RuleRunner rules_;
  // How often trouble is described by what preceded it, which reads all sessions of the host.
  KeyedBudget<model::MachineId> descriptions_{{.burst = 20, .per_second = 1}};
  // Until when a further flood makes no detection, by the collector's boot clock.
  absl::flat_hash_map<std::pair<model::MachineId, ClaimKind>, int64_t> flooded_until_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_EVALUATOR_H_
