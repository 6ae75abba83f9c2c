#ifndef HOPTRAIL_COLLECTOR_ENGINE_GRAPH_GRAPH_STATE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_GRAPH_GRAPH_STATE_H_

// The graph that the engine keeps in memory, and how it is read: sessions, the hops and causes that
// link them, and what was detected on them. Built from values; owned by the engine, used by its
// thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"

#include "collector/engine/graph/known_edges.h"
#include "collector/engine/values/join_change.h"
#include "collector/engine/values/path_view.h"
#include "core/graph/lineage.h"
#include "core/model/fact.h"

namespace hoptrail::collector::engine {

// An end of a connection that names a session.
struct EndNode {
  graph::HopId hop;     // that it is part of
  bool opened = false;  // the server's end, and it opened the session
  model::HopKey hop_key;
  uint64_t established_boot_ns = 0;
};

// A hop, as far as paths are concerned.
struct HopNode {
  struct End {
    graph::HopId key;  // empty: nobody has reported this end
    model::HostId host;
    model::SessionId session;
  };
  End client;
  End server;
  bool opened_session = false;
  model::Proof proof = model::Proof::kUnknown;
  double probability = 0;
  uint64_t client_established_boot_ns = 0;
  model::SessionId child;  // whose parent the lineage was offered for it; empty: none
};

struct SessionNode {
  // Nothing until the session itself was reported: a hop or a detection may name it earlier.
  std::optional<model::Session> value;
  model::HostId host;                           // who reported it, or who named it first
  absl::btree_map<graph::HopId, EndNode> ends;  // by the end's own key
  std::vector<model::DetectionId> detections;
  size_t provenance = 0;   // hash of what was last sent to its host; 0: nothing
  int64_t touched_ns = 0;  // last word about it, by the collector's boot clock
};

struct GraphState {
  const SessionNode* Find(const model::SessionId& id) const;
  std::string HostName(const model::HostId& host) const;  // empty where unknown
  // Somebody did come in: a login or a command was seen, it is no mere connection, or something
  // went on from it.
  bool Entered(const model::SessionId& id) const;
  // b's clock minus a's as best known; nothing where no hops connect them.
  std::optional<int64_t> ClockDifference(const model::HostId& a, const model::HostId& b) const;
  KnownEdges::Edge EdgeOf(const graph::Link& link, const model::SessionId& child) const;

  // The way from the root; of a path longer than 1,024 sessions, the last of them.
  PathView View(const model::SessionId& id) const;
  Step StepOf(const model::SessionId& id) const;
  model::Provenance ProvenanceOf(const model::SessionId& id) const;
  // The connection that brought a root in from outside the fleet.
  std::optional<graph::HopId> EntryOf(const model::SessionId& root) const;
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
  absl::flat_hash_map<graph::HopId, HopNode> hops;
  absl::flat_hash_map<model::HostId, ClockOffset> clocks;
  KnownEdges edges;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_GRAPH_GRAPH_STATE_H_
