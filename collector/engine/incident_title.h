#ifndef HOPTRAIL_COLLECTOR_ENGINE_INCIDENT_TITLE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_INCIDENT_TITLE_H_

#include <string>
#include <vector>

#include "collector/engine/graph/graph_state.h"
#include "collector/engine/graph/tree_index.h"
#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// "staff from 192.0.2.9: gw → web → db and 3 more": the root, the hosts on the path to the deepest
// session, and the number of other hosts in `sessions`, which are those of the incident. Bounded.
std::string IncidentTitle(const GraphState& graph_state, const model::SessionId& root,
                          const TreeIndex::Tree& tree,
                          const std::vector<model::SessionId>& sessions);

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_INCIDENT_TITLE_H_
