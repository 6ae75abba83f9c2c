#ifndef HOPTRAIL_COLLECTOR_ENGINE_VALUES_JOIN_CHANGE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_VALUES_JOIN_CHANGE_H_

// What the joiner emits and the graph is built from. Plain values, so that the two need not be in
// one process.

#include <cstdint>
#include <optional>
#include <vector>

#include "core/graph/hop_key.h"
#include "core/model/hop.h"

namespace hoptrail::collector::engine {

// A hop is new, different, or no longer one by itself.
struct JoinChange {
  graph::HopId key;
  std::optional<model::Hop> hop;  // whole; nothing where it is no longer a hop by itself
  graph::HopId server_end;        // the key of its server's end, where there is one

  bool operator==(const JoinChange&) const = default;
};

// How far a host's wall clock is ahead of `reference`'s, from joined hops. Hosts with different
// references were never joined and cannot be compared.
struct ClockOffset {
  model::HostId host;
  model::HostId reference;
  int64_t offset_ns = 0;
  uint32_t samples = 0;

  bool operator==(const ClockOffset&) const = default;
};

// Since the last ones. Hops that are no longer ones by themselves come first.
struct JoinChanges {
  std::vector<JoinChange> hops;
  std::vector<ClockOffset> clocks;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_VALUES_JOIN_CHANGE_H_
