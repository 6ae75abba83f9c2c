#ifndef HOPTRAIL_COLLECTOR_ENGINE_PASSAGE_ODDS_H_
#define HOPTRAIL_COLLECTOR_ENGINE_PASSAGE_ODDS_H_

#include <cstdint>
#include <optional>

#include "collector/engine/graph/graph_state.h"
#include "core/model/hop.h"

namespace hoptrail::collector::engine {

// A connection without an end may be open for ever; logins later than this are no part of it.
inline constexpr int64_t kLongestPassageNs = int64_t{24} * 3600 * 1'000'000'000;

// PassageOdds for a connection into a host and a login from it. Nothing if the connection cannot
// have led to the login, or if one of both sessions is not known.
std::optional<double> OddsOfPassage(const GraphState& graph_state, const model::HopEnd& into,
                                    const model::HopEnd& entry);

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_PASSAGE_ODDS_H_
