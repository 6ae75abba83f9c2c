#ifndef HOPTRAIL_COLLECTOR_ENGINE_JOIN_MATCHER_H_
#define HOPTRAIL_COLLECTOR_ENGINE_JOIN_MATCHER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"

#include "collector/engine/join/address_fit.h"
#include "collector/engine/join/claim_rates.h"
#include "collector/engine/join/hop_clocks.h"
#include "collector/engine/join/plausibility.h"
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
// depend on the ends, the clocks, the addresses and the rates only. Not thread-safe.
class Matcher {
 public:
  // Ends of one flow, or of one claimed hop key, that are compared with each other. More ends are a
  // flood.
  static constexpr size_t kMaxGroup = 64;

  // Ends that claim one hop key and are compared with each other, of each side.
  static constexpr size_t kMaxClaims = 16;

  // Nothing is owned; all of it outlives the matcher.
  Matcher(const graph::HopEndTable* ends, const HopClocks* clocks, const AddressFits* fits,
          const ClaimRates* rates)
      : ends_(ends), clocks_(clocks), fits_(fits), rates_(rates) {}

  // The ends of one side in the given order: one of each machine, whatever boots it has reported,
  // and at most kMaxClaims.
  std::vector<graph::HopId> FirstOf(absl::Span<const graph::HopId> ends, model::HopSide side) const;
  // The ends of one side, newest first, at most kMaxGroup.
  std::vector<graph::HopId> NewestOf(absl::Span<const graph::HopId> ends,
                                     model::HopSide side) const;
  // What contradicts that two ends of one hop key are one connection.
  model::Contradiction Contradicts(const graph::HopId& client, const graph::HopId& server) const;
  AddressFit Fit(const graph::HopId& client, const graph::HopId& server) const;
  // Whether each end's host has reported that end's own address.
  bool OwnTheirAddresses(const graph::HopId& client, const graph::HopId& server) const;
  // The two ends, out of those that claim one hop key, that are the connection: the pair whose
  // addresses fit best, then the pair that was complete first. A connection has two ends, so all
  // other claims are wrong. It is INFERRED where the addresses are no proof. The ends are in the
  // order in which they were reported.
  std::optional<Match> MatchKey(const std::vector<graph::HopId>& clients,
                                const std::vector<graph::HopId>& servers) const;
  // Inferred matches of ends of one flow: pairs each end with the likeliest free end.
  std::vector<Match> MatchFlow(const std::vector<graph::HopId>& clients,
                               const std::vector<graph::HopId>& servers) const;

 private:
  double OddsByFlow(const model::HopEnd& client, const model::HopEnd& server,
                    int64_t apart_ns) const;

  const graph::HopEndTable* const ends_;
  const HopClocks* const clocks_;
  const AddressFits* const fits_;
  const ClaimRates* const rates_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_JOIN_MATCHER_H_
