#ifndef HOPTRAIL_CORE_GRAPH_MERGE_H_
#define HOPTRAIL_CORE_GRAPH_MERGE_H_

// Records are sent whole whenever they change, and may be sent again. These functions take the
// newer values and never lose a known one, so that an old record sent again does no harm. Each
// returns whether `known` changed.

#include "core/model/hop.h"
#include "core/model/session.h"

namespace hoptrail::graph {

// Requires known->id == update.id and the same host.
bool Merge(const model::Session& update, model::Session* known);

// Requires the same host and side. The earliest time of establishment stays: an agent that restarts
// knows only when it found the connection.
bool Merge(const model::HopEnd& update, model::HopEnd* known);

}  // namespace hoptrail::graph

#endif  // HOPTRAIL_CORE_GRAPH_MERGE_H_
