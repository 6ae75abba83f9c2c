#include "collector/engine/join/passage.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/base/saturating.h"

namespace hoptrail::collector::engine {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kMinuteNs = 60 * kSecondNs;

// A fleet under attack, as in plausibility.h: somebody who goes to a host without an agent wants to
// go on from there in two of three cases.
constexpr double kPriorOdds = 2;

// Intruders and administrators go on soon; a connection that has been open for hours is at any time
// as likely as at any other.
double OddsOfTime(int64_t after_ns) {
  if (after_ns < kMinuteNs) return 1.5;
  if (after_ns < 15 * kMinuteNs) return 1;
  return after_ns < 120 * kMinuteNs ? 0.6 : 0.3;
}

double OddsOfLikeness(Likeness likeness, double same, double different) {
  switch (likeness) {
    case Likeness::kUnknown:
      return 1;
    case Likeness::kSame:
      return same;
    case Likeness::kDifferent:
      return different;
  }
  return 1;
}

// Both carry the same payload in encryption of their own, with exchanges of keys of about 3 kB.
bool AboutEqual(uint64_t a, uint64_t b) {
  constexpr double kShare = 0.25, kHandshake = 6000;
  const double x = static_cast<double>(a), y = static_cast<double>(b);
  return std::abs(x - y) <= kHandshake + kShare * std::min(x, y);
}

}  // namespace

double PassageOdds(const PassageEvidence& evidence) {
  const double same_user = evidence.common_user ? 1.5 : 4;
  return kPriorOdds * OddsOfTime(evidence.after_ns) *
         OddsOfLikeness(evidence.user, same_user, 0.7) * OddsOfLikeness(evidence.key, 12, 0.8) *
         OddsOfLikeness(evidence.bytes, 3, 0.7) * OddsOfLikeness(evidence.ends, 2.5, 0.8);
}

double PassageProbability(double odds, double other_odds, double own_entries) {
  return std::min(kMostPassage, odds / (1 + own_entries + odds + other_odds));
}

void CompareTraffic(const model::HopEnd& into, const model::HopEnd& from, int64_t clocks_ahead_ns,
                    PassageEvidence* evidence) {
  if (into.closed_wall_ns == 0 || from.closed_wall_ns == 0) return;
  const int64_t apart = SaturatingSubtract(SaturatingSubtract(from.closed_wall_ns, clocks_ahead_ns),
                                           into.closed_wall_ns);
  evidence->ends =
      apart <= 2 * kSecondNs && apart >= -2 * kSecondNs ? Likeness::kSame : Likeness::kDifferent;
  // The entry's host sends what comes out of `into`, and receives what went into it.
  const bool counted =
      into.bytes_received + into.bytes_sent != 0 && from.bytes_received + from.bytes_sent != 0;
  if (!counted) return;
  const bool equal = AboutEqual(into.bytes_received, from.bytes_sent) &&
                     AboutEqual(into.bytes_sent, from.bytes_received);
  evidence->bytes = equal ? Likeness::kSame : Likeness::kDifferent;
}

}  // namespace hoptrail::collector::engine
