#ifndef HOPTRAIL_COLLECTOR_ENGINE_VALUES_GRAPH_CHANGE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_VALUES_GRAPH_CHANGE_H_

// The changes of the graph that fleet rules judge, as the engine emits them. Plain values: a rule
// finds in them everything that it may use.

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "collector/engine/values/path_view.h"
#include "core/model/fact.h"

namespace hoptrail::collector::engine {

// A session that somebody entered is new, or its path has changed.
struct SessionChange {
  PathView path;  // from the root to the session
};

// How far a path goes: what is known of it without walking it.
struct PathExtent {
  uint32_t depth = 0;  // hops from the root to the deepest session that was entered
  size_t reached = 0;  // sessions that were entered over a hop
};

// A session that the root reached over a hop.
struct Arrival {
  int64_t wall_ns = 0;  // corrected by what is known of its host's clock
  model::HostId host;
  std::string host_name;  // may be empty
};

// A path has grown, shrunk, or is shown differently.
struct PathChange {
  Step root;
  PathView deepest;               // from the root to the deepest session, the earliest of them
  std::vector<Arrival> arrivals;  // in any order; one for each session that was reached
};

// Something happened to the agent of a host on which somebody is logged in.
struct AgentTrouble {
  // What its supervisor or the collector saw, or that it lost records, or its own last word.
  std::variant<model::Interference, model::Loss, model::Goodbye> what;
  int64_t wall_ns = 0;        // when the collector heard of it
  Step suspect;               // the open session that is most to be suspected
  bool named = false;         // the agent's host itself has named the suspect
  size_t other_sessions = 0;  // further open sessions of people
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_VALUES_GRAPH_CHANGE_H_
