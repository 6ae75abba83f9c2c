#ifndef HOPTRAIL_COLLECTOR_ENGINE_GRAPH_GRAPH_STATE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_GRAPH_GRAPH_STATE_H_

// What the engine knows, and how it is read: shared by the engine's parts, owned by the engine.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"

#include "collector/engine/graph/known_edges.h"
#include "collector/engine/join/joiner.h"
#include "collector/engine/values/path_view.h"
#include "core/graph/lineage.h"
#include "core/model/fact.h"

namespace hoptrail::collector::engine {

struct SessionNode {
  // Nothing until the session itself was told: a hop or a detection may name it earlier.
  std::optional<model::Session> value;
  model::HostId host;                   // who told it, or who named it first
  absl::btree_set<graph::HopKey> ends;  // connections' ends that name this session
  std::vector<model::DetectionId> detections;
  size_t provenance = 0;   // hash of what its host was last told; 0: nothing
  int64_t touched_ns = 0;  // last word about it, by the collector's boot clock
};

struct GraphState {
  explicit GraphState(Joiner::Options options) : joiner(options) {}

  const SessionNode* Find(const model::SessionId& id) const;
  std::string HostName(const model::HostId& host) const;  // empty where unknown
  // Somebody did come in: a login or a command was seen, it is no mere connection, or something
  // went on from it.
  bool Entered(const model::SessionId& id) const;
  KnownEdges::Edge EdgeOf(const graph::Link& link, const model::SessionId& child) const;

  // The way from the root; of a path longer than 1,024 sessions, the last of them.
  PathView View(const model::SessionId& id) const;
  Step StepOf(const model::SessionId& id) const;
  model::Provenance ProvenanceOf(const model::SessionId& id) const;
  // The connection that brought a root in from outside the fleet.
  std::optional<graph::HopKey> EntryOf(const model::SessionId& root) const;
  // "cron", "su", …: how a session was caused on its own host.
  std::string CauseOf(const model::SessionId& id) const;

  // The tree below `root`, parents first, siblings in order of time, at most `max`. `must` and the
  // ways to them come in any case; of the others, those that somebody entered.
  std::vector<model::SessionId> Tree(const model::SessionId& root,
                                     const std::vector<model::SessionId>& must, size_t max,
                                     bool* truncated) const;

  absl::node_hash_map<model::SessionId, SessionNode> sessions;
  absl::flat_hash_map<model::HostId, std::string> host_names;
  absl::flat_hash_map<model::HostId, absl::btree_set<model::SessionId>> by_host;
  absl::flat_hash_map<model::DetectionId, model::Detection> detections;
  graph::Lineage lineage;
  Joiner joiner;
  KnownEdges edges;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_GRAPH_GRAPH_STATE_H_
