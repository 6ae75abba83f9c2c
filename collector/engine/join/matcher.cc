#include "collector/engine/join/matcher.h"

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace hoptrail::collector::engine {
namespace {

// The largest time between both establishments of a match by flow, corrected for the clocks.
constexpr int64_t kInferWindowNs = 30'000'000'000;

// The probability of an inferred match with one candidate. Several candidates share it.
constexpr double kNoKeyProbability = 0.9;         // one end does not know its hop key
constexpr double kDifferentKeyProbability = 0.7;  // a middlebox may have rewritten the numbers
constexpr double kContradictedFactor = 0.3;

}  // namespace

std::vector<graph::HopId> Matcher::NewestOf(absl::Span<const graph::HopId> ends,
                                            model::HopSide side) const {
  std::vector<graph::HopId> of_side;
  for (const graph::HopId& end : ends) {
    if (ends_->Find(end)->side == side) of_side.push_back(end);
  }
  std::sort(of_side.begin(), of_side.end(), [this](const auto& a, const auto& b) {
    return std::make_pair(ends_->Find(a)->established_wall_ns, a) >
           std::make_pair(ends_->Find(b)->established_wall_ns, b);
  });
  if (of_side.size() > kMaxGroup) of_side.resize(kMaxGroup);
  return of_side;
}

model::Contradiction Matcher::Contradicts(const graph::HopId& client,
                                          const graph::HopId& server) const {
  return clocks_->Check(*ends_->Find(client), *ends_->Find(server));
}

std::vector<graph::HopId> Matcher::FirstOf(absl::Span<const graph::HopId> ends,
                                           model::HopSide side) const {
  std::vector<graph::HopId> first;
  absl::flat_hash_set<model::MachineId> machines;
  for (const graph::HopId& id : ends) {
    const model::HopEnd& end = *ends_->Find(id);
    if (end.side != side || first.size() == kMaxClaims) continue;
    if (machines.insert(end.host.machine).second) first.push_back(id);
  }
  return first;
}

std::optional<Match> Matcher::MatchKey(const std::vector<graph::HopId>& clients,
                                       const std::vector<graph::HopId>& servers) const {
  // How well the addresses fit, when the pair was complete, and which pair it is.
  using Order = std::tuple<AddressFit, size_t, size_t, size_t>;
  std::optional<Order> best;
  for (size_t c = 0; c < clients.size(); ++c) {
    for (size_t s = 0; s < servers.size(); ++s) {
      if (Contradicts(clients[c], servers[s]) != model::Contradiction::kNone) continue;
      const AddressFit fit = owners_->Fit(*ends_->Find(clients[c]), *ends_->Find(servers[s]));
      const Order order{fit, std::max(c, s), c, s};
      if (!best.has_value() || order < *best) best = order;
    }
  }
  if (!best.has_value()) return std::nullopt;
  return Match{clients[std::get<2>(*best)], servers[std::get<3>(*best)], model::Proof::kProven, 1,
               /*by_key=*/true};
}

std::vector<Match> Matcher::MatchFlow(const std::vector<graph::HopId>& clients,
                                      const std::vector<graph::HopId>& servers) const {
  struct Candidate {
    int64_t apart_ns;
    graph::HopId client;
    graph::HopId server;
    auto operator<=>(const Candidate&) const = default;
  };
  std::vector<Candidate> candidates;
  absl::flat_hash_map<graph::HopId, size_t> choices;
  for (const graph::HopId& c : clients) {
    for (const graph::HopId& s : servers) {
      const Candidate candidate{clocks_->Apart(*ends_->Find(c), *ends_->Find(s)), c, s};
      if (candidate.apart_ns > kInferWindowNs) continue;
      candidates.push_back(candidate);
      choices[c]++;
      choices[s]++;
    }
  }
  std::sort(candidates.begin(), candidates.end());
  std::vector<Match> matches;
  absl::flat_hash_set<graph::HopId> matched;
  for (const Candidate& candidate : candidates) {
    if (matched.contains(candidate.client) || matched.contains(candidate.server)) continue;
    matched.insert(candidate.client);
    matched.insert(candidate.server);
    Match match{candidate.client, candidate.server, model::Proof::kInferred, 0, /*by_key=*/false};
    match.probability =
        Probability(match, std::max(choices[candidate.client], choices[candidate.server]));
    matches.push_back(match);
  }
  return matches;
}

double Matcher::Probability(const Match& match, size_t candidates) const {
  const bool keyless =
      ends_->Find(match.client)->hop_key.empty() || ends_->Find(match.server)->hop_key.empty();
  double probability = keyless ? kNoKeyProbability : kDifferentKeyProbability;
  if (Contradicts(match.client, match.server) != model::Contradiction::kNone) {
    probability *= kContradictedFactor;
  }
  return probability / static_cast<double>(candidates);
}

}  // namespace hoptrail::collector::engine
