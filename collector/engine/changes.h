#ifndef HOPTRAIL_COLLECTOR_ENGINE_CHANGES_H_
#define HOPTRAIL_COLLECTOR_ENGINE_CHANGES_H_

#include <cstdint>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_set.h"

#include "collector/engine/graph/graph_state.h"
#include "collector/engine/incident/incident_registry.h"
#include "collector/engine/values/join_change.h"
#include "collector/engine/values/outcome.h"
#include "core/graph/hop_id.h"
#include "core/model/fact.h"
#include "core/model/hop.h"
#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// The effects of the facts that the engine has taken in: the work of the next Settle, and the
// values to be emitted after it. Owned by EngineState.
struct Changes {
  // The work of the next Settle.
  //
  // Sessions whose path or entry in the tree index may have changed.
  absl::btree_set<model::SessionId> dirty_sessions;
  // The same for these sessions and all that are below them at the next Settle.
  absl::btree_set<model::SessionId> dirty_subtrees;
  // Sessions whose entries are up to date and which no rule has evaluated since.
  absl::btree_set<model::SessionId> unevaluated;
  // Sessions whose title, origin, host name or link changed, which all titles of their path show.
  absl::btree_set<model::SessionId> retitled_sessions;
  absl::btree_set<model::SessionId> dirty_trees;      // by root
  absl::flat_hash_set<model::DetectionId> escalated;  // new or worse since the last Settle

  // To be emitted.
  absl::btree_set<model::SessionId> sessions;
  absl::btree_map<graph::HopId, model::Hop> hops;
  absl::btree_set<graph::HopId> removed_hops;
  absl::btree_set<model::DetectionId> detections;
  absl::btree_map<model::SessionId, model::Provenance> provenance;
  absl::btree_map<model::HostId, ClockOffset> clock_offsets;
  absl::btree_map<std::pair<model::HostId, RefusalReason>, uint64_t> refusals;

  // Appends the values to be emitted, and the incidents that changed, to `outcome`, and forgets
  // them.
  void Emit(const GraphState& graph_state, IncidentRegistry* incidents, Outcome* outcome);
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_CHANGES_H_
