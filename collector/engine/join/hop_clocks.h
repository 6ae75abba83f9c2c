#ifndef HOPTRAIL_COLLECTOR_ENGINE_JOIN_HOP_CLOCKS_H_
#define HOPTRAIL_COLLECTOR_ENGINE_JOIN_HOP_CLOCKS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "collector/engine/join/clock_offsets.h"
#include "collector/engine/join/contradiction.h"
#include "collector/engine/values/join_change.h"
#include "core/model/hop.h"

namespace hoptrail::collector::engine {

// Learns from proven hops how the clocks of hosts differ, and compares ends of connections by them.
// Not thread-safe.
class HopClocks {
 public:
  void Learn(const model::HopEnd& client, const model::HopEnd& server);

  // Whether two ends of one hop key can be one connection.
  model::Contradiction Check(const model::HopEnd& client, const model::HopEnd& server) const;
  // The time between both establishments, ns, corrected by the known difference of the wall clocks.
  int64_t Apart(const model::HopEnd& client, const model::HopEnd& server) const;
  // Whether that difference is known.
  bool AreKnown(const model::HostId& a, const model::HostId& b) const;

  // The wall clocks of hosts whose offset has changed since the last call.
  std::vector<ClockOffset> TakeChanged();

 private:
  std::optional<int64_t> Difference(const model::HostId& a, const model::HostId& b) const;

  ClockOffsets wall_;
  ClockOffsets boot_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_JOIN_HOP_CLOCKS_H_
