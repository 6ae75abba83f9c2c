#ifndef HOPTRAIL_COLLECTOR_ENGINE_VALUES_GRAPH_CHANGE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_VALUES_GRAPH_CHANGE_H_

// The changes of the graph that the engine gives to the fleet rules. Plain values that hold
// everything a rule may use.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "collector/engine/values/path_view.h"
#include "core/model/fact.h"

namespace hoptrail::collector::engine {

// An entered session is new, or its path has changed.
struct SessionChange {
  PathView path;  // from the root to the session
};

// The size of a path, known without reading the path.
struct PathExtent {
  uint32_t depth = 0;  // hops from the root to the deepest entered session
  size_t reached = 0;  // sessions that were entered over a hop
};

// The most arrivals of a path that are given to the rules.
inline constexpr size_t kMaxArrivals = 1024;

// A session that the root reached over a hop.
struct Arrival {
  int64_t wall_ns = 0;  // corrected by the known offset of its host's clock
  model::HostId host;
  std::string host_name;  // may be empty
};

// A path has gained or lost sessions, or people see it under other names.
struct PathChange {
  Step root;
  PathView deepest;  // from the root to the deepest session, the earliest one if there are several
  // In any order; one for each session that was reached. Empty if there are more than kMaxArrivals.
  std::vector<Arrival> arrivals;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_VALUES_GRAPH_CHANGE_H_
