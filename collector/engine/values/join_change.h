#ifndef HOPTRAIL_COLLECTOR_ENGINE_VALUES_JOIN_CHANGE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_VALUES_JOIN_CHANGE_H_

// The joiner emits these values and the graph is built from them. They are plain values, so that
// the two may run in different processes.

#include <cstdint>
#include <optional>
#include <vector>

#include "core/graph/hop_id.h"
#include "core/model/hop.h"

namespace hoptrail::collector::engine {

// A hop is new, has changed, or has become part of another hop.
struct JoinChange {
  graph::HopId key;
  std::optional<model::Hop> hop;  // the whole hop; nothing if it is no longer a hop by itself
  graph::HopId server_end;        // the id of its server's end, if that is known
};

// How far a host's wall clock is ahead of the clock of `reference`, measured by joined hops. No hop
// connects hosts with different references, so their clocks cannot be compared.
struct ClockOffset {
  model::HostId host;
  model::HostId reference;
  int64_t offset_ns = 0;
  uint32_t samples = 0;  // joined hops that were measured

  bool operator==(const ClockOffset&) const = default;
};

// All changes since the last JoinChanges. Hops that are no longer hops by themselves come first.
struct JoinChanges {
  std::vector<JoinChange> hops;
  std::vector<ClockOffset> clocks;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_VALUES_JOIN_CHANGE_H_
