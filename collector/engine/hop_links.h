#ifndef HOPTRAIL_COLLECTOR_ENGINE_HOP_LINKS_H_
#define HOPTRAIL_COLLECTOR_ENGINE_HOP_LINKS_H_

// Makes links between sessions from the joiner's values.

#include <vector>

#include "collector/engine/engine_state.h"
#include "collector/engine/graph/graph_state.h"
#include "collector/engine/values/join_change.h"
#include "core/graph/hop_id.h"
#include "core/graph/lineage.h"

namespace hoptrail::collector::engine {

// Brings the graph's hops, links and clocks up to date with the joiner's changes.
void ApplyJoins(JoinChanges changes, EngineState* state);

// Makes the hop's client session, or what drives it, the parent of what the hop opened or drives,
// or withdraws that link. To be called again when a host has reported one of the two sessions.
void LinkHop(const graph::HopId& hop, EngineState* state);

// The links from the session that made a lone client's end, and from whatever may have driven it,
// to what lies behind the connection.
std::vector<graph::Link> LinksFromClient(const graph::HopId& key, double probability,
                                         EngineState* state);

// Removes the hop's ends from the nodes of their sessions.
void ForgetEnds(const graph::HopId& hop, const HopNode& node, EngineState* state);

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_HOP_LINKS_H_
