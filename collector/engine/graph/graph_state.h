#ifndef HOPTRAIL_COLLECTOR_ENGINE_GRAPH_GRAPH_STATE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_GRAPH_GRAPH_STATE_H_

// The graph that the engine keeps in memory: sessions, the hops and causes that link them, and the
// detections on them. Built from values. Owned by the engine, used by its thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/container/node_hash_map.h"

#include "collector/engine/graph/host_names.h"
#include "collector/engine/graph/known_edges.h"
#include "collector/engine/values/join_change.h"
#include "collector/engine/values/path_view.h"
#include "core/graph/lineage.h"
#include "core/model/fact.h"

namespace hoptrail::collector::engine {

// One end of a connection, as the node of its session refers to it.
struct EndNode {
  graph::HopId hop;     // the hop that the end is part of
  bool opened = false;  // it is the server's end, and the connection opened the session
  model::HopKey hop_key;
  uint64_t established_boot_ns = 0;
};

// The part of a hop that paths depend on.
struct HopNode {
  struct End {
    graph::HopId key;  // empty: no host has reported this end
    model::HostId host;
    model::SessionId session;
  };
  End client;
  End server;
  bool opened_session = false;
  bool closed = false;    // one of its ends, or both
  bool disputed = false;  // a lone end: see model::Contradiction::kRival
  model::Proof proof = model::Proof::kUnknown;
  double probability = 0;
  uint64_t client_established_boot_ns = 0;
  model::HopKey hop_key;          // of the ends; empty if unknown
  model::Drivers drivers;         // of the client's end
  model::Drivers server_drivers;  // of the server's end
  // The nodes to which the hop gave a parent: the session that it opened, and the drives of its
  // two sessions by it.
  absl::InlinedVector<model::SessionId, 1> children;
  bool passage = false;  // a lone end that is part of a path through an unmonitored host

  size_t ends() const { return (client.key.empty() ? 0 : 1) + (server.key.empty() ? 0 : 1); }
};

// A session, or a drive: what a session does because of a connection that it serves, or of another
// session of its host. A drive's value is its session's, under an id of its own.
struct SessionNode {
  // Empty until its host reports the session: a hop or a detection may refer to it earlier.
  std::optional<model::Session> value;
  model::HostId host;                           // its host; before `value`, the first that named it
  absl::btree_map<graph::HopId, EndNode> ends;  // by the end's own id
  size_t disputed = 0;                          // of `ends`: those of disputed hops
  std::vector<model::DetectionId> detections;
  // Its actions because of others: collector/engine/drives.h.
  absl::btree_set<model::SessionId> drives;
  size_t provenance = 0;        // hash of the provenance last sent to its host; 0: none was sent
  int64_t updated_boot_ns = 0;  // by the collector's boot clock
  // A root whose origin host may still report the client's end: since when it is waited for, by the
  // collector's boot clock; 0: it is not.
  int64_t origin_awaited_boot_ns = 0;
  bool origin_overdue = false;  // the wait is over
};

// Plain data with reading functions. EngineState keeps it consistent.
struct GraphState {
  const SessionNode* Find(const model::SessionId& id) const;
  // For people: see HostNames::Label. Empty where unknown.
  std::string HostName(const model::HostId& host) const { return host_names.Label(host); }
  // Whether somebody used the session: it has a login, was not opened by a mere connection, or has
  // children. A drive: it has children or detections.
  bool Entered(const model::SessionId& id) const;
  // The best estimate of b's clock minus a's; nothing if no hops connect them.
  std::optional<int64_t> ClockDifference(const model::HostId& a, const model::HostId& b) const;
  KnownEdges::Edge EdgeOf(const graph::Link& link, const model::SessionId& child) const;

  // The path from the root to the session.
  PathView View(const model::SessionId& id) const;
  Step StepOf(const model::SessionId& id) const;
  model::Provenance ProvenanceOf(const model::SessionId& id) const;
  // The connection from outside the fleet that opened a root.
  std::optional<graph::HopId> EntryOf(const model::SessionId& root) const;
  // "cron", "su", …: the cause of a session on its own host.
  std::string CauseOf(const model::SessionId& id) const;

  // At most `max` sessions of the tree below `root`, parents first, siblings by time. The tree
  // always has the sessions of `must` and their ancestors, as far as `max` allows; other sessions
  // only if somebody entered them.
  std::vector<model::SessionId> Tree(const model::SessionId& root,
                                     const std::vector<model::SessionId>& must, size_t max,
                                     bool* truncated) const;

  absl::node_hash_map<model::SessionId, SessionNode> sessions;
  HostNames host_names;
  absl::flat_hash_map<model::HostId, absl::btree_set<model::SessionId>> by_host;
  absl::flat_hash_map<model::DetectionId, model::Detection> detections;
  graph::Lineage lineage;
  absl::flat_hash_map<graph::HopId, HopNode> hops;
  size_t hop_ends = 0;  // of all hops
  absl::flat_hash_map<model::HostId, ClockOffset> clocks;
  KnownEdges edges;

 private:
  std::string LabelOf(const model::SessionId& id) const;
  Step StepOf(const model::SessionId& id, const model::SessionId& root, uint32_t depth) const;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_GRAPH_GRAPH_STATE_H_
