#ifndef HOPTRAIL_COLLECTOR_ENGINE_JOIN_PLAUSIBILITY_H_
#define HOPTRAIL_COLLECTOR_ENGINE_JOIN_PLAUSIBILITY_H_

// The probability that two ends are one connection where no hop key proves it. Pure functions.
//
// Two ends of one flow are either one connection, or one of them is a claim of a host that has no
// such connection. The odds of the first against the second are the product of how much likelier
// each piece of evidence is for a connection than for a claim. The numbers assume a fleet under
// attack: the partner of an end has reported itself in half of the cases, each end has one wrong
// claim on average, and half of the claims know the time of the real connection.
// plausibility_test.cc plays such a mix and checks that, where the joiner says 30 %, about 30 % are
// right.

#include <cstddef>
#include <cstdint>

#include "collector/engine/join/address_fit.h"
#include "core/model/hop.h"

namespace hoptrail::collector::engine {

// The largest time between both establishments of a match by flow, corrected for the clocks.
inline constexpr int64_t kInferWindowNs = 30'000'000'000;

// Matches with a lower probability are not made: they would only be noise on a path.
inline constexpr double kLeastProbability = 0.05;
// No inferred match is more certain than this.
inline constexpr double kMostProbability = 0.95;
// Nor one whose bytes or times contradict each other: one of both hosts reports what is not true.
inline constexpr double kMostIfContradicted = 0.3;

enum class ByteFit : uint8_t {
  kUnknown,       // an end is open, or its agent saw no close
  kEqual,         // each received what the other sent, apart from SYN and FIN
  kPossible,      // the difference may have been in flight
  kContradicted,  // one received what the other cannot have sent
};

ByteFit CompareBytes(const model::HopEnd& client, const model::HopEnd& server);

struct FlowEvidence {
  AddressFit addresses = AddressFit::kForeign;
  int64_t apart_ns = 0;       // between both establishments, corrected for the clocks
  bool clocks_known = false;  // joined hops connect both hosts' clocks
  ByteFit bytes = ByteFit::kUnknown;
  bool keys_differ = false;  // both ends have a hop key: a middlebox may have rewritten the numbers
  // ClaimRates::Recent of the end without a hop key, and of the other end. Where both or neither
  // have one: the larger number and the smaller one.
  double claims = 1;
  double confirmed = 1;
};

// The odds that ends of one flow are one connection. 1: as likely as not.
double FlowOdds(const FlowEvidence& evidence);
// `all_odds`: the sum over all candidates for one of both ends, this one included. At most one of
// them is right.
double FlowProbability(double odds, double all_odds);

// The probability that ends of one hop key are one connection although their addresses are no proof
// (IsProof). Only a host that knows the numbers can claim the key: the end is real, and its address
// translation is not known, or it is a lie. `claims`: the ends of the side with more.
double KeyProbability(AddressFit addresses, size_t claims);

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_JOIN_PLAUSIBILITY_H_
