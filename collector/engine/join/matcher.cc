#include "collector/engine/join/matcher.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace hoptrail::collector::engine {

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

AddressFit Matcher::Fit(const graph::HopId& client, const graph::HopId& server) const {
  return fits_->Of(*ends_->Find(client), *ends_->Find(server));
}

bool Matcher::OwnTheirAddresses(const graph::HopId& client, const graph::HopId& server) const {
  return fits_->OwnsItsAddress(*ends_->Find(client)) && fits_->OwnsItsAddress(*ends_->Find(server));
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
      const Order order{Fit(clients[c], servers[s]), std::max(c, s), c, s};
      if (!best.has_value() || order < *best) best = order;
    }
  }
  if (!best.has_value()) return std::nullopt;
  Match match{clients[std::get<2>(*best)], servers[std::get<3>(*best)], model::Proof::kProven, 1,
              /*by_key=*/true};
  if (const AddressFit fit = std::get<0>(*best); !IsProof(fit)) {
    match.proof = model::Proof::kInferred;
    match.probability = KeyProbability(fit, std::max(clients.size(), servers.size()));
  }
  return match;
}

std::vector<Match> Matcher::MatchFlow(const std::vector<graph::HopId>& clients,
                                      const std::vector<graph::HopId>& servers) const {
  struct Candidate {
    double odds;
    int64_t apart_ns;
    graph::HopId client;
    graph::HopId server;
  };
  std::vector<Candidate> candidates;
  absl::flat_hash_map<graph::HopId, double> all_odds;
  for (const graph::HopId& c : clients) {
    for (const graph::HopId& s : servers) {
      const model::HopEnd& client = *ends_->Find(c);
      const model::HopEnd& server = *ends_->Find(s);
      const int64_t apart_ns = clocks_->Apart(client, server);
      if (apart_ns > kInferWindowNs) continue;
      // MatchKey decides about ends of one key, unless they contradict each other.
      if (!client.hop_key.empty() && client.hop_key == server.hop_key &&
          Contradicts(c, s) == model::Contradiction::kNone) {
        continue;
      }
      const double odds = OddsByFlow(client, server, apart_ns);
      candidates.push_back({odds, apart_ns, c, s});
      all_odds[c] += odds;
      all_odds[s] += odds;
    }
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(b.odds, a.apart_ns, a.client, a.server) <
           std::tie(a.odds, b.apart_ns, b.client, b.server);
  });
  std::vector<Match> matches;
  absl::flat_hash_set<graph::HopId> matched;
  for (const Candidate& candidate : candidates) {
    if (matched.contains(candidate.client) || matched.contains(candidate.server)) continue;
    double probability = FlowProbability(
        candidate.odds, std::max(all_odds[candidate.client], all_odds[candidate.server]));
    if (Contradicts(candidate.client, candidate.server) != model::Contradiction::kNone) {
      probability = std::min(probability, kMostIfContradicted);
    }
    if (probability < kLeastProbability) continue;
    matched.insert(candidate.client);
    matched.insert(candidate.server);
    matches.push_back({candidate.client, candidate.server, model::Proof::kInferred, probability,
                       /*by_key=*/false});
  }
  return matches;
}

double Matcher::OddsByFlow(const model::HopEnd& client, const model::HopEnd& server,
                           int64_t apart_ns) const {
  FlowEvidence evidence;
  evidence.addresses = fits_->Of(client, server);
  evidence.apart_ns = apart_ns;
  evidence.clocks_known = clocks_->AreKnown(client.host, server.host);
  evidence.bytes = CompareBytes(client, server);
  evidence.keys_differ =
      !client.hop_key.empty() && !server.hop_key.empty() && client.hop_key != server.hop_key;
  evidence.claims = rates_->Recent(client);
  evidence.confirmed = rates_->Recent(server);
  const bool alike = client.hop_key.empty() == server.hop_key.empty();
  if (alike ? evidence.claims < evidence.confirmed : server.hop_key.empty()) {
    std::swap(evidence.claims, evidence.confirmed);
  }
  return FlowOdds(evidence);
}

}  // namespace hoptrail::collector::engine
