#ifndef HOPTRAIL_COLLECTOR_ENGINE_JOIN_PASSAGE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_JOIN_PASSAGE_H_

// The probability that an entry from a host without an agent was made by whoever is on a certain
// connection into that host. Pure functions (docs/decisions/0035).
//
// Somebody made the entry: one of those on the connections into the host, or the host itself (its
// jobs, its console, those who come from elsewhere). The odds of a connection against the host
// itself are the product of how much likelier each piece of evidence makes it. passage_test.cc
// plays such a host and checks the stated probabilities.

#include <cstdint>

#include "core/model/hop.h"

namespace hoptrail::collector::engine {

// Passages with a lower probability are not made: with more than about four equal connections into
// the host, nothing but a common user, key or volume of data makes one.
inline constexpr double kLeastPassage = 0.2;
// No passage is more certain than this.
inline constexpr double kMostPassage = 0.9;

// An entry may follow so long after the end of the connection, and clocks may differ by so much.
inline constexpr int64_t kPassageAfterNs = 5'000'000'000;
inline constexpr int64_t kPassageSlackNs = 2'000'000'000;
inline constexpr int64_t kPassageUnknownClocksNs = 10'000'000'000;

enum class Likeness : uint8_t { kUnknown, kSame, kDifferent };

struct PassageEvidence {
  int64_t after_ns = 0;  // from the connection to the entry, corrected for the clocks
  Likeness user = Likeness::kUnknown;
  bool common_user = false;  // root, which is the same everywhere
  Likeness key = Likeness::kUnknown;
  Likeness bytes = Likeness::kUnknown;  // each carries about what the other carries
  Likeness ends = Likeness::kUnknown;   // both were closed at about the same time
};

// The odds that whoever is on the connection made the entry, not the host itself.
double PassageOdds(const PassageEvidence& evidence);

// `odds`: of this connection. `other_odds`: the sum of those of the others. `own_entries`: how many
// entries from the host came while nobody was on it, for each that came while somebody was.
double PassageProbability(double odds, double other_odds, double own_entries);

// Whether the connection into the host and the entry from it carry about the same: a terminal or a
// command whose output passes through. `clocks_ahead_ns`: of the entry's host.
void CompareTraffic(const model::HopEnd& into, const model::HopEnd& from, int64_t clocks_ahead_ns,
                    PassageEvidence* evidence);

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_JOIN_PASSAGE_H_
