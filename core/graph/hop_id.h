#ifndef HOPTRAIL_CORE_GRAPH_HOP_ID_H_
#define HOPTRAIL_CORE_GRAPH_HOP_ID_H_

#include "core/model/hop.h"
#include "core/model/ids.h"

namespace hoptrail::graph {

// Identifies one end of a connection as one host reports it, and the hop that the end is part of: a
// joined hop has the id of its client's end, a lone end its own. Derived from what the end says, so
// that it is the same after a restart.
using HopId = model::Id128<struct HopIdTag>;

// From (host, side, hop key) where the end knows its hop key, otherwise from (host, side,
// network namespace, flow, when established). An end that learns its hop key changes its id.
HopId DeriveHopId(const model::HopEnd& end);

}  // namespace hoptrail::graph

#endif  // HOPTRAIL_CORE_GRAPH_HOP_ID_H_
