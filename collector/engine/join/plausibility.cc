#include "collector/engine/join/plausibility.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "collector/engine/join/contradiction.h"

namespace hoptrail::collector::engine {
namespace {

// How often each class occurs among connections, divided by how often among wrong claims.
//
//   class        connections  claims
//   kSame        80 %         2 %     a liar would have to own the address
//   kTranslated  14 %         28 %    pods and containers; hosts without an agent
//   kOutside     4 %          40 %    outsiders
//   kForeign     2 %          30 %    hosts whose agent did not report the connection
double OddsOf(AddressFit fit) {
  switch (fit) {
    case AddressFit::kSame:
      return 40;
    case AddressFit::kTranslated:
      return 0.5;
    case AddressFit::kOutside:
      return 0.1;
    case AddressFit::kForeign:
      return 0.067;
  }
  return 0;
}

// Connections: 90 % are seen at the same time, up to about half a second (kSpreadNs, exponential);
// for the others an agent reports when it found them, any time. Where the clocks' difference is not
// known, only 60 % seem to be at the same time. Claims: half of them know the time.
double OddsOfTime(int64_t apart_ns, bool clocks_known) {
  constexpr double kSpreadNs = 0.5e9;
  constexpr double kUniform = 1 / static_cast<double>(kInferWindowNs);
  const double close = std::exp(-static_cast<double>(apart_ns) / kSpreadNs) / kSpreadNs;
  const double same_time = clocks_known ? 0.9 : 0.6;
  return (same_time * close + (1 - same_time) * kUniform) / (0.5 * close + 0.5 * kUniform);
}

// Claims: a tenth of them knows the bytes, the others report any number.
double OddsOf(ByteFit fit) {
  switch (fit) {
    case ByteFit::kUnknown:
      return 1;
    case ByteFit::kEqual:
      return 8;
    case ByteFit::kPossible:
      return 0.3;
    case ByteFit::kContradicted:
      return 0.02;
  }
  return 0;
}

// A tenth of the connections without a common hop key has two: a middlebox rewrites the numbers. Of
// the claims, four in ten make up a key.
constexpr double kOddsOfDifferentKeys = 0.1 / 0.4;
constexpr double kOddsOfNoKey = 0.9 / 0.6;

// Who claims more ends than the other host has seen connections tries ports, and only as many
// claims as there are connections can be right. A few may be on their way. Nor has a host more than
// a hundred connections a minute to one other host of which it does not know the hop key, but for
// an agent that has just started.
double OddsOfFlood(double claims, double confirmed) {
  constexpr double kOnTheirWay = 3, kMany = 100;
  claims = std::max(1.0, claims);
  return std::min(1.0, (confirmed + kOnTheirWay) / claims) * std::min(1.0, kMany / claims);
}

constexpr double kOutsideByKey = 0.6;
constexpr double kForeignByKey = 0.2;

bool AlmostEqual(uint64_t a, uint64_t b) { return std::max(a, b) - std::min(a, b) <= 2; }

}  // namespace

ByteFit CompareBytes(const model::HopEnd& client, const model::HopEnd& server) {
  if (!CountsBytes(client) || !CountsBytes(server)) return ByteFit::kUnknown;
  if (!BytesReconcile(client, server)) return ByteFit::kContradicted;
  return AlmostEqual(client.bytes_sent, server.bytes_received) &&
                 AlmostEqual(server.bytes_sent, client.bytes_received)
             ? ByteFit::kEqual
             : ByteFit::kPossible;
}

double FlowOdds(const FlowEvidence& evidence) {
  return OddsOf(evidence.addresses) * OddsOfTime(evidence.apart_ns, evidence.clocks_known) *
         OddsOf(evidence.bytes) * (evidence.keys_differ ? kOddsOfDifferentKeys : kOddsOfNoKey) *
         OddsOfFlood(evidence.claims, evidence.confirmed);
}

double FlowProbability(double odds, double all_odds) {
  return std::min(kMostProbability, odds / (1 + all_odds));
}

double KeyProbability(AddressFit addresses, size_t claims) {
  const double alone = addresses == AddressFit::kOutside ? kOutsideByKey : kForeignByKey;
  return alone / static_cast<double>(std::max<size_t>(1, claims));
}

}  // namespace hoptrail::collector::engine
