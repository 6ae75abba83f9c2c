#ifndef HOPTRAIL_COLLECTOR_STORE_VIEWS_H_
#define HOPTRAIL_COLLECTOR_STORE_VIEWS_H_

// What the store answers with: values, and what it knows beside them.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collector/store/write_batch.h"
#include "core/model/detection.h"
#include "core/model/fact.h"
#include "core/model/ids.h"
#include "core/model/incarnation.h"
#include "core/model/session.h"

namespace hoptrail::collector::store {

struct SessionView {
  model::Session session;
  std::string host_name;  // may be empty
};

struct DetectionView {
  model::Detection detection;
  std::string host_name;  // may be empty
  std::optional<model::IncidentId> incident;
};

struct BootView {
  model::HostId host;
  HostState state = HostState::kUnknown;
  int64_t first_seen_wall_ns = 0;  // 0: not known
  int64_t last_seen_wall_ns = 0;   // 0: never
  uint64_t acknowledged_sequence = 0;
};

// A machine, shown as its newest boot.
struct HostView {
  model::MachineId machine;
  std::string host_name;
  HostState state = HostState::kUnknown;
  int64_t last_seen_wall_ns = 0;  // 0: never
  uint64_t acknowledged_sequence = 0;
  int64_t clock_offset_ns = 0;
  std::optional<model::AgentHealth> health;
  std::optional<model::Coverage> coverage;
  std::vector<model::Degradation> degradations;  // the agent's, then the collector's
  std::vector<BootView> boots;                   // newest first
  std::vector<model::Loss> losses;               // of the newest boot, latest first
};

// How the last page of an incident stands.
struct DeliveryView {
  bool delivered = false;  // false: it waits
  uint32_t attempts = 0;
  int64_t attempt_wall_ns = 0;       // of the last try, where it was delivered or failed; 0: none
  int64_t next_attempt_wall_ns = 0;  // where the last one failed
  bool failed = false;               // the last try did, its own or the service's
  std::string reason;                // why, or what of a delivered one did not arrive
};

struct DegradedHostView {
  model::HostId host;
  std::string host_name;
  std::vector<model::Degradation> degradations;
};

// What the engine is rebuilt from: everything in the store, oldest first.
struct Snapshot {
  std::vector<model::Session> sessions;
  std::vector<StoredHop> hops;
  std::vector<model::Detection> detections;
  std::vector<model::Incident> incidents;
};

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
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_VIEWS_H_
