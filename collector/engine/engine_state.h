#ifndef HOPTRAIL_COLLECTOR_ENGINE_ENGINE_STATE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_ENGINE_STATE_H_

#include <cstdint>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "collector/engine/changes.h"
#include "collector/engine/engine_options.h"
#include "collector/engine/graph/graph_state.h"
#include "collector/engine/graph/tree_index.h"
#include "collector/engine/incident/incident_budget.h"
#include "collector/engine/incident/incident_registry.h"
#include "collector/engine/origin_search.h"
#include "core/graph/due_queue.h"
#include "core/graph/lineage.h"
#include "core/model/detection.h"

namespace hoptrail::collector::engine {

// The state that the engine's parts share, with the writes that more than one of them needs. Each
// write keeps the graph consistent and notes its effects in `changes`. Owned by the engine, used by
// its thread.
struct EngineState {
  EngineOptions options;
  GraphState graph;
  TreeIndex trees;
  IncidentRegistry incidents;
  OriginSearch origins;
  IncidentBudget incident_budget;
  Changes changes;
  uint64_t refused = 0;  // claims, since the start
  // Hops that were added, changed or removed since Passages looked at them.
  absl::btree_set<graph::HopId> changed_hops;
  // When to look whether a session or a hop may leave memory, by the collector's boot clock.
  graph::DueQueue<model::SessionId> session_age;
  graph::DueQueue<graph::HopId> hop_age;

  explicit EngineState(EngineOptions engine_options)
      : options(std::move(engine_options)), incidents(options.minimum_severity) {}

  // Waiting and ageing go by the boot clock, which nobody can set; emitted times by the wall clock.
  int64_t BootNow() const { return static_cast<int64_t>(options.clock->BootNs()); }
  int64_t WallNow() const { return options.clock->WallNs(); }

  // The session's node. A new node belongs to `host` until another host reports the session.
  SessionNode& Upsert(const model::SessionId& id, const model::HostId& host);
  // Whether another host than `host` has reported the session.
  bool IsForeign(const model::SessionId& id, const model::HostId& host) const;
  // Null if unknown. Valid until the next write.
  const model::Detection* FindDetection(const model::DetectionId& id) const;
  // The incident that a detection on this session belongs to; empty if there is none.
  model::IncidentId IncidentOf(const model::SessionId& session) const;

  // See graph::Lineage.
  void OfferParent(const model::SessionId& child, const graph::Link& link) {
    OfferParents(child, absl::MakeConstSpan(&link, 1));
  }
  void OfferParents(const model::SessionId& child, absl::Span<const graph::Link> links);
  void WithdrawParent(const model::SessionId& child, graph::LinkKind kind, const graph::HopId& hop);

  // The session and everything below it is dirty.
  void MarkSubtree(const model::SessionId& id);
  // The same, and people see the session differently.
  void MarkRetitled(const model::SessionId& id);
  // Updates the session's entry in the tree index, and learns the edge that led to it.
  void Index(const model::SessionId& id);
  // The same, where its root and its depth are known.
  void Index(const model::SessionId& id, const model::SessionId& root, uint32_t depth);
  // Adds a session that no host has reported, unless it is there.
  void PutSession(const model::Session& session);
  // Adds or replaces the detection.
  void PutDetection(const model::Detection& detection);
  // See HostNames. A name too many is refused.
  void SetHostName(const model::HostId& host, absl::string_view name);

  // The host may not claim that.
  void Refuse(const model::HostId& host, RefusalReason reason) {
    ++refused;
    ++changes.refusals[{host, reason}];
  }

 private:
  void NoteParentChange(const model::SessionId& child, const graph::Lineage::Change& change);
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_ENGINE_STATE_H_
