#ifndef HOPTRAIL_COLLECTOR_STORE_WRITE_BATCH_H_
#define HOPTRAIL_COLLECTOR_STORE_WRITE_BATCH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "collector/store/host_state.h"
#include "collector/store/stored_hop.h"
#include "core/graph/hop_id.h"
#include "core/model/detection.h"
#include "core/model/fact.h"
#include "core/model/hop.h"
#include "core/model/ids.h"
#include "core/model/incarnation.h"
#include "core/model/session.h"

namespace hoptrail::collector::store {

// Changes of one host. An absent field stays as it was.
struct HostChange {
  // When its stream was opened, which also lists the host. Must be later than for every boot of the
  // machine that connected before.
  std::optional<int64_t> connected_wall_ns;
  std::optional<bool> listed;
  std::optional<std::string> host_name;
  std::optional<HostState> state;
  std::optional<int64_t> last_seen_wall_ns;
  std::optional<uint64_t> acknowledged_sequence;  // never decreases
  std::optional<int64_t> clock_offset_ns;
  std::optional<model::AgentHealth> health;
  std::optional<model::Coverage> coverage;
  // All degradations that the collector itself finds; the agent's are in its health.
  std::optional<std::vector<model::Degradation>> collector_degradations;
  // The incarnation that its agent has confirmed.
  std::optional<model::Incarnation> incarnation;
};

// One transaction. Sessions, hops, detections and incidents are complete and replace the stored
// ones of the same id; edges are added up; login attempts and losses are appended.
struct WriteBatch {
  std::vector<model::Session> sessions;
  std::vector<graph::HopId> removed_hops;  // before `hops`
  std::vector<StoredHop> hops;
  std::vector<model::Detection> detections;
  std::vector<model::Incident> incidents;
  std::vector<model::EdgeCount> edges;
  std::vector<model::LoginAttempt> login_attempts;
  std::vector<model::Loss> losses;
  absl::flat_hash_map<model::HostId, HostChange> hosts;

  bool empty() const {
    return sessions.empty() && removed_hops.empty() && hops.empty() && detections.empty() &&
           incidents.empty() && edges.empty() && login_attempts.empty() && losses.empty() &&
           hosts.empty();
  }
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_WRITE_BATCH_H_
