#ifndef HOPTRAIL_COLLECTOR_ENGINE_ENGINE_OPTIONS_H_
#define HOPTRAIL_COLLECTOR_ENGINE_ENGINE_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/clock.h"
#include "core/model/detection.h"
#include "core/model/ip_prefix.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::engine {

// The rules' configuration, and the bounds of what the engine keeps in memory.
struct EngineOptions {
  v1::FleetRulesConfig rules;
  // The least severity of a detection that opens an incident.
  model::Severity minimum_severity = model::Severity::kMedium;
  // The outer addresses of the fleet's own address translation.
  std::vector<model::IpPrefix> translations;
  // Closed sessions that are on no open incident and closed connections leave memory this long
  // after their last fact. The store keeps them for its own retention time.
  int64_t retention_ns = 7LL * 24 * 3600 * 1'000'000'000;
  // Bounds. Beyond them the oldest ones that are on no open incident leave memory first.
  size_t max_sessions = 2'000'000;
  size_t max_hop_ends = 4'000'000;
  const Clock* clock = &Clock::System();  // outlives the engine
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_ENGINE_OPTIONS_H_
