#ifndef HOPTRAIL_CORE_GRAPH_HOP_KEY_H_
#define HOPTRAIL_CORE_GRAPH_HOP_KEY_H_

#include "core/model/hop.h"
#include "core/model/ids.h"

namespace hoptrail::graph {

// Names one end of one connection as one host tells it, and the hop that the end is part of: a
// joined hop goes by its client's key, a lone end by its own. Derived from what the end says, so
// that it is the same after a restart.
using HopId = model::Id128<struct HopKeyTag>;

// From (host, side, hop key) where the end knows its hop key, otherwise from (host, side,
// network namespace, flow, when established). An end that learns its hop key changes its key.
HopId DeriveHopKey(const model::HopEnd& end);

}  // namespace hoptrail::graph

#endif  // HOPTRAIL_CORE_GRAPH_HOP_KEY_H_
