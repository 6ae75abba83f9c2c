#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_REQUEST_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_REQUEST_H_

// Requests of other threads to the engine's thread. Values in its queue. The engine's thread calls
// `done` when the answer is durable.

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "collector/engine/engine.h"
#include "collector/store/store.h"
#include "core/model/detection.h"
#include "core/model/ip_prefix.h"

namespace hoptrail::collector::engine {

// See Engine::SetIncidentState.
struct SetIncidentStateRequest {
  model::IncidentId incident;
  model::IncidentState state = model::IncidentState::kUnknown;
  std::string who;
  std::function<void(absl::StatusOr<model::Incident>)> done;
};

// See HostTable::Remove.
struct RemoveHostRequest {
  model::HostId host;
  std::string who;
  std::function<void(absl::Status)> done;
};

// Another configuration. It has no answer.
struct ReconfigureRequest {
  v1::FleetRulesConfig rules;
  model::Severity minimum_severity = model::Severity::kMedium;
  int64_t engine_retention_ns = 0;
  store::RetentionLimits retention;
  bool notify = false;
  int64_t silent_after_ns = 0;
  int64_t heartbeat_timeout_ns = 0;
  std::vector<model::IpPrefix> translations;
};

// See Engine::PathOf.
struct PathRequest {
  model::SessionId session;
  std::function<void(Path)> done;
};

using Request =
    std::variant<SetIncidentStateRequest, RemoveHostRequest, ReconfigureRequest, PathRequest>;

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_REQUEST_H_
