#ifndef HOPTRAIL_COLLECTOR_ENGINE_JOIN_MATCHER_H_
#define HOPTRAIL_COLLECTOR_ENGINE_JOIN_MATCHER_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"

#include "collector/engine/join/hop_clocks.h"
#include "core/graph/hop_end_table.h"
#include "core/graph/hop_id.h"
#include "core/model/hop.h"

namespace hoptrail::collector::engine {

// A join that should exist.
struct Match {
  graph::HopId client;
  graph::HopId server;
  model::Proof proof = model::Proof::kUnknown;
  double probability = 0;
  bool by_key = false;  // false: by flow and time
};

// Chooses which client end belongs to which server end. Holds no state of its own: its results
// depend on the ends and the clocks only. Not thread-safe.
class Matcher {
 public:
  // Ends of one flow, or of one claimed hop key, that are compared with each other. More ends are a
  // flood.
  static constexpr size_t kMaxGroup = 64;

  // Neither is owned; both outlive the matcher.
  Matcher(const graph::HopEndTable* ends, const HopClocks* clocks) : ends_(ends), clocks_(clocks) {}

  // The ends of one side, newest first, at most kMaxGroup.
  std::vector<graph::HopId> NewestOf(absl::Span<const graph::HopId> ends,
                                     model::HopSide side) const;
  // Whether nothing about two ends of one hop key contradicts that they are one connection.
  bool CanBeOne(const graph::HopId& client, const graph::HopId& server) const;
  // Inferred matches: pairs each end with the free end that fits best. `by_key`: the ends claim one
  // hop key; false: they have one flow.
  std::vector<Match> MatchBest(const std::vector<graph::HopId>& clients,
                               const std::vector<graph::HopId>& servers, bool by_key) const;

 private:
  // `candidates`: how many ends could be the other end.
  double Probability(const Match& match, size_t candidates) const;

  const graph::HopEndTable* const ends_;
  const HopClocks* const clocks_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_JOIN_MATCHER_H_
