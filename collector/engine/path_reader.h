#ifndef HOPTRAIL_COLLECTOR_ENGINE_PATH_READER_H_
#define HOPTRAIL_COLLECTOR_ENGINE_PATH_READER_H_

// Reads whole paths out of the graph. Each costs as much as the path is large.

#include <vector>

#include "collector/engine/graph/graph_state.h"
#include "collector/engine/graph/tree_index.h"
#include "collector/engine/values/graph_change.h"
#include "collector/engine/values/outcome.h"
#include "core/model/fact.h"
#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// The tree of the session's root. Empty if the session is not in memory.
Path ReadPath(const GraphState& graph_state, const TreeIndex& trees,
              const model::SessionId& session);

// The same tree as fleet rules evaluate it.
PathChange ReadPathChange(const GraphState& graph_state, const model::SessionId& root,
                          const TreeIndex::Tree& tree);

// The provenance of all open sessions of `host` whose lineage is known.
std::vector<model::Provenance> ReadProvenance(const GraphState& graph_state,
                                              const model::HostId& host);

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_PATH_READER_H_
