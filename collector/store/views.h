#ifndef HOPTRAIL_COLLECTOR_STORE_VIEWS_H_
#define HOPTRAIL_COLLECTOR_STORE_VIEWS_H_

// The store's answers: values of the model, with what the store knows beside them.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collector/store/host_state.h"
#include "core/model/detection.h"
#include "core/model/fact.h"
#include "core/model/ids.h"
#include "core/model/session.h"

namespace hoptrail::collector::store {

struct SessionView {
  model::Session session;
  std::string host_name;  // model::DistinctHostName; may be empty
};

struct DetectionView {
  model::Detection detection;
  std::string host_name;  // model::DistinctHostName; may be empty
  std::optional<model::IncidentId> incident;
};

struct BootView {
  model::HostId host;
  HostState state = HostState::kUnknown;
  int64_t first_seen_wall_ns = 0;  // 0: unknown
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
  std::vector<BootView> boots;                   // newest first, at most kMaxBoots
  std::vector<model::Loss> losses;               // of the newest boot, latest first, at most 100

  static constexpr int kMaxBoots = 20;
};

// The delivery of an incident's last page.
struct DeliveryView {
  std::string notifier;    // its name in the API
  bool delivered = false;  // false: the page waits
  uint32_t attempts = 0;
  int64_t attempt_wall_ns = 0;       // the last attempt; 0: none
  int64_t next_attempt_wall_ns = 0;  // after a failed one; 0: unknown
  bool failed = false;               // the last attempt at this page, or at the service, failed
  std::string reason;                // why it failed, or which part of a delivered page is missing
};

// A machine that has reported an address as its own.
struct AddressHostView {
  model::HostId host;     // its newest boot
  std::string host_name;  // model::DistinctHostName; may be empty
  // When the address was reported first and last, by any of its boots.
  int64_t first_wall_ns = 0;
  int64_t last_wall_ns = 0;
  bool has_address = false;  // the last report of the newest boot contains it
  HostState state = HostState::kUnknown;
  int64_t last_seen_wall_ns = 0;      // 0: never
  int64_t agent_started_wall_ns = 0;  // by the host's clock; 0: unknown
};

struct DegradedHostView {
  model::HostId host;
  std::string host_name;
  std::vector<model::Degradation> degradations;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_VIEWS_H_
