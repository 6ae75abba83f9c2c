#ifndef HOPTRAIL_COLLECTOR_STORE_SNAPSHOT_H_
#define HOPTRAIL_COLLECTOR_STORE_SNAPSHOT_H_

// The contents of a store that the engine reads at its start.

#include <cstdint>
#include <string>
#include <vector>

#include "collector/store/host_state.h"
#include "collector/store/stored_hop.h"
#include "core/model/detection.h"
#include "core/model/fact.h"
#include "core/model/ids.h"
#include "core/model/incarnation.h"
#include "core/model/net.h"
#include "core/model/session.h"

namespace hoptrail::collector::store {

// An address that a boot of a host has reported as its own, and when it did so first and last.
struct AddressRow {
  model::HostId host;
  model::IpAddress address;
  int64_t first_wall_ns = 0;
  int64_t last_wall_ns = 0;
};

// Everything from which the engine is rebuilt at start, oldest first.
struct Snapshot {
  std::vector<model::Session> sessions;
  std::vector<StoredHop> hops;
  std::vector<model::Detection> detections;
  std::vector<model::Incident> incidents;
  std::vector<AddressRow> addresses;
};

// The stored state of one boot of a host.
struct HostRow {
  model::HostId host;
  std::string host_name;
  HostState state = HostState::kUnknown;
  bool listed = false;
  int64_t connected_wall_ns = 0;
  int64_t last_seen_wall_ns = 0;
  uint64_t acknowledged_sequence = 0;
  std::vector<model::Degradation> collector_degradations;
  model::Incarnation incarnation;
  std::vector<model::IpAddress> addresses;  // as the agent reported them last
  int64_t agent_started_wall_ns = 0;        // by the host's clock; 0: unknown
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SNAPSHOT_H_
