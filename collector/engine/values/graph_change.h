#ifndef HOPTRAIL_COLLECTOR_ENGINE_VALUES_GRAPH_CHANGE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_VALUES_GRAPH_CHANGE_H_

// The changes of the graph that the engine gives to the fleet rules. Plain values that hold
// everything a rule may use.

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
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
  std::vector<Arrival> arrivals;  // in any order; one for each session that was reached
};

// Something happened to the agent of a host on which somebody is logged in.
struct AgentTrouble {
  // Interference that its supervisor or the collector saw, a loss of records, or its goodbye.
  std::variant<model::Interference, model::Loss, model::Goodbye> what;
  int64_t wall_ns = 0;        // when the collector received the report
  Step suspect;               // the most suspicious open session
  bool named = false;         // the agent itself named the suspect
  size_t other_sessions = 0;  // further open sessions of people
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_VALUES_GRAPH_CHANGE_H_
