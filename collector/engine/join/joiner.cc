#include "collector/engine/join/joiner.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>
#include <utility>

#include "collector/engine/join/contradiction.h"

namespace hoptrail::collector::engine {
namespace {

// Ends of one flow, or of one claimed name, that are compared with each other; more are a flood.
constexpr size_t kMaxGroup = 64;

// What an inferred join is worth before other candidates share it.
constexpr double kNoKeyProbability = 0.9;         // one end does not know its hop key
constexpr double kDifferentKeyProbability = 0.7;  // something may have rewritten the numbers
constexpr double kClaimedNameProbability = 0.5;   // several ends claim this name
constexpr double kContradictedFactor = 0.3;

}  // namespace

graph::HopId Joiner::Put(const model::HopEnd& end, int64_t now_ns) {
  const auto put = ends_.Put(end);
  if (put.replaced.has_value()) {
    Disconnect(*put.replaced);
    changed_.insert(*put.replaced);
    if (waited_.erase(*put.replaced) > 0) waited_.insert(put.key);
  }
  if (put.added) grace_.Add(now_ns + options_.grace_ns, put.key);
  if (put.changed) {
    MarkChanged(put.key);
    Resolve(put.key);
  }
  return put.key;
}

void Joiner::Tick(int64_t now_ns) {
  while (auto key = grace_.TakeDue(now_ns)) {
    const model::HopEnd* end = ends_.Find(*key);
    if (end == nullptr || !waited_.insert(*key).second) continue;
    ResolveFlow(end->flow);
  }
}

void Joiner::Restore(const model::Hop& hop, int64_t now_ns) {
  Keys keys;
  for (const auto& end : {hop.client, hop.server}) {
    if (end.has_value()) keys.push_back(ends_.Put(*end).key);
  }
  for (const graph::HopId& key : keys) {
    if (hop.proof == model::Proof::kInferred) {
      waited_.insert(key);
    } else {
      grace_.Add(now_ns + options_.grace_ns, key);
    }
    MarkChanged(key);
  }
  if (!keys.empty()) {
    emitted_.insert(keys.front());
    Resolve(keys.front());
  }
}

void Joiner::Forget(const graph::HopId& end) {
  Keys keys = {end};
  if (auto it = joins_.find(end); it != joins_.end()) keys.push_back(it->second.partner);
  Disconnect(end);
  freed_.clear();
  for (const graph::HopId& key : keys) {
    ends_.Erase(key);
    waited_.erase(key);
    emitted_.erase(key);
    changed_.erase(key);
    contradicted_.erase(key);
  }
}

JoinChanges Joiner::TakeChanges() {
  JoinChanges changes;
  if (!changed_.empty()) {
    for (const graph::HopId& key : changed_) {
      const bool is_hop = ends_.Find(key) != nullptr && HopOf(key) == key;
      if (!is_hop && emitted_.erase(key) > 0) changes.hops.push_back({.key = key});
    }
    for (const graph::HopId& key : changed_) {
      std::optional<model::Hop> hop = Find(key);
      if (!hop.has_value()) continue;
      emitted_.insert(key);
      auto join = joins_.find(key);
      changes.hops.push_back(
          {key, *std::move(hop), join == joins_.end() ? key : join->second.partner});
    }
    changed_.clear();
  }
  for (const model::HostId& host : wall_clocks_.TakeChanged()) {
    if (auto offset = wall_clocks_.Of(host)) {
      changes.clocks.push_back({host, offset->reference, offset->offset_ns, offset->samples});
    }
  }
  return changes;
}

std::optional<model::Hop> Joiner::Find(const graph::HopId& key) const {
  const model::HopEnd* end = ends_.Find(key);
  if (end == nullptr || HopOf(key) != key) return std::nullopt;
  model::Hop hop;
  if (auto it = joins_.find(key); it != joins_.end()) {
    hop.client = *end;
    hop.server = *ends_.Find(it->second.partner);
    hop.proof = it->second.proof;
    hop.probability = it->second.probability;
  } else if (end->side == model::HopSide::kServer) {
    hop.server = *end;
  } else {
    hop.client = *end;
  }
  return hop;
}

graph::HopId Joiner::HopOf(const graph::HopId& end) const {
  auto it = joins_.find(end);
  if (it == joins_.end()) return end;
  return ends_.Find(end)->side == model::HopSide::kServer ? it->second.partner : end;
}

void Joiner::Resolve(const graph::HopId& key) {
  const model::HopEnd* end = ends_.Find(key);
  if (!end->hop_key.empty()) ResolveKey(end->hop_key);
  freed_.push_back(key);
  while (!freed_.empty()) {
    const graph::HopId next = freed_.back();
    freed_.pop_back();
    const model::HopEnd* freed = ends_.Find(next);
    if (freed != nullptr && waited_.contains(next)) ResolveFlow(freed->flow);
  }
}

void Joiner::ResolveKey(const model::HopKey& name) {
  const absl::Span<const graph::HopId> ends = ends_.ByKey(name);
  const Keys clients = Side(ends, model::HopSide::kClient);
  const Keys servers = Side(ends, model::HopSide::kServer);
  std::vector<Match> matches;
  if (clients.size() == 1 && servers.size() == 1) {
    if (Check(clients[0], servers[0]) == Contradiction::kNone) {
      contradicted_.erase(clients[0]);
      matches.push_back({clients[0], servers[0], model::Proof::kProven, 1, true});
    } else {
      contradicted_.insert(clients[0]);
    }
  } else {
    // More ends than a connection has claim this name: at least one of them is wrong or lies.
    matches = MatchClosest(clients, servers, /*by_key=*/true);
  }
  Settle(ends, matches, /*by_key=*/true);
}

void Joiner::ResolveFlow(const model::Flow& flow) {
  Keys waiting;
  absl::Span<const graph::HopId> newest = ends_.ByFlow(flow);
  if (newest.size() > 4 * kMaxGroup) newest.remove_prefix(newest.size() - 4 * kMaxGroup);
  for (const graph::HopId& key : newest) {
    auto join = joins_.find(key);
    if (waited_.contains(key) && (join == joins_.end() || !join->second.by_key)) {
      waiting.push_back(key);
    }
  }
  Settle(waiting,
         MatchClosest(Side(waiting, model::HopSide::kClient),
                      Side(waiting, model::HopSide::kServer), /*by_key=*/false),
         /*by_key=*/false);
}

void Joiner::Settle(absl::Span<const graph::HopId> ends, const std::vector<Match>& matches,
                    bool by_key) {
  absl::flat_hash_map<graph::HopId, const Match*> wanted;
  for (const Match& match : matches) {
    wanted[match.client] = &match;
    wanted[match.server] = &match;
  }
  for (const graph::HopId& end : ends) {
    auto join = joins_.find(end);
    if (join == joins_.end()) continue;
    auto it = wanted.find(end);
    const bool keep = it == wanted.end() ? join->second.by_key != by_key
                                         : join->second.partner == (it->second->client == end
                                                                        ? it->second->server
                                                                        : it->second->client);
    if (!keep) Disconnect(end);
  }
  for (const Match& match : matches) Connect(match);
}

void Joiner::Connect(const Match& match) {
  const Join join{match.server, match.proof, match.probability, match.by_key};
  auto it = joins_.find(match.client);
  if (it != joins_.end() && it->second == join) return;
  const bool was_proven = it != joins_.end() && it->second.proof == model::Proof::kProven;
  joins_[match.client] = join;
  joins_[match.server] = {match.client, match.proof, match.probability, match.by_key};
  MarkChanged(match.client);
  if (was_proven) proven_--;
  if (match.proof != model::Proof::kProven) return;
  proven_++;
  Learn(*ends_.Find(match.client), *ends_.Find(match.server));
}

void Joiner::Disconnect(const graph::HopId& end) {
  auto it = joins_.find(end);
  if (it == joins_.end()) return;
  const graph::HopId partner = it->second.partner;
  if (it->second.proof == model::Proof::kProven) proven_--;
  MarkChanged(end);
  freed_.push_back(end);
  freed_.push_back(partner);
  joins_.erase(end);
  joins_.erase(partner);
}

void Joiner::Learn(const model::HopEnd& client, const model::HopEnd& server) {
  uint32_t rtt_us = std::min(client.rtt_us, server.rtt_us);
  if (rtt_us == 0) rtt_us = std::max(client.rtt_us, server.rtt_us);
  // The client is established when the answer to its SYN arrives, the server when the client's
  // next segment does: half a round trip later.
  const int64_t travel_ns = int64_t{rtt_us} * 1000 / 2;
  if (client.established_wall_ns != 0 && server.established_wall_ns != 0) {
    wall_clocks_.AddSample(client.host, server.host,
                           server.established_wall_ns - client.established_wall_ns - travel_ns);
  }
  if (client.established_boot_ns != 0 && server.established_boot_ns != 0) {
    boot_clocks_.AddSample(
        client.host, server.host,
        static_cast<int64_t>(server.established_boot_ns - client.established_boot_ns) - travel_ns);
  }
}

Contradiction Joiner::Check(const graph::HopId& client, const graph::HopId& server) const {
  const model::HopEnd& c = *ends_.Find(client);
  const model::HopEnd& s = *ends_.Find(server);
  return FindContradiction(c, s, boot_clocks_.Agreed(c.host, s.host));
}

int64_t Joiner::Apart(const model::HopEnd& client, const model::HopEnd& server) const {
  const int64_t ahead = wall_clocks_.Difference(client.host, server.host).value_or(0);
  return std::abs(server.established_wall_ns - client.established_wall_ns - ahead);
}

Joiner::Keys Joiner::Side(absl::Span<const graph::HopId> keys, model::HopSide side) const {
  Keys of_side;
  for (const graph::HopId& key : keys) {
    if (ends_.Find(key)->side == side) of_side.push_back(key);
  }
  std::sort(of_side.begin(), of_side.end(), [this](const auto& a, const auto& b) {
    return std::make_pair(ends_.Find(a)->established_wall_ns, a) >
           std::make_pair(ends_.Find(b)->established_wall_ns, b);
  });
  if (of_side.size() > kMaxGroup) of_side.resize(kMaxGroup);  // the newest
  return of_side;
}

std::vector<Joiner::Match> Joiner::MatchClosest(const Keys& clients, const Keys& servers,
                                                bool by_key) const {
  struct Candidate {
    bool other_flow;
    int64_t apart_ns;
    graph::HopId client;
    graph::HopId server;
    auto operator<=>(const Candidate&) const = default;
  };
  std::vector<Candidate> candidates;
  absl::flat_hash_map<graph::HopId, size_t> choices;
  for (const graph::HopId& c : clients) {
    for (const graph::HopId& s : servers) {
      const model::HopEnd& client = *ends_.Find(c);
      const model::HopEnd& server = *ends_.Find(s);
      const Candidate candidate{client.flow != server.flow, Apart(client, server), c, s};
      const bool fits = by_key ? Check(c, s) == Contradiction::kNone
                               : candidate.apart_ns <= options_.infer_window_ns;
      if (!fits) continue;
      candidates.push_back(candidate);
      choices[c]++;
      choices[s]++;
    }
  }
  std::sort(candidates.begin(), candidates.end());
  std::vector<Match> matches;
  absl::flat_hash_set<graph::HopId> taken;
  for (const Candidate& candidate : candidates) {
    if (taken.contains(candidate.client) || taken.contains(candidate.server)) continue;
    taken.insert(candidate.client);
    taken.insert(candidate.server);
    Match match{candidate.client, candidate.server, model::Proof::kInferred, 0, by_key};
    match.probability =
        Probability(match, std::max(choices[candidate.client], choices[candidate.server]));
    matches.push_back(match);
  }
  return matches;
}

double Joiner::Probability(const Match& match, size_t candidates) const {
  double probability = kClaimedNameProbability;
  if (!match.by_key) {
    const bool keyless =
        ends_.Find(match.client)->hop_key.empty() || ends_.Find(match.server)->hop_key.empty();
    probability = keyless ? kNoKeyProbability : kDifferentKeyProbability;
    if (Check(match.client, match.server) != Contradiction::kNone) {
      probability *= kContradictedFactor;
    }
  }
  return probability / static_cast<double>(candidates);
}

void Joiner::MarkChanged(const graph::HopId& end) {
  changed_.insert(end);
  if (auto it = joins_.find(end); it != joins_.end()) changed_.insert(it->second.partner);
}

}  // namespace hoptrail::collector::engine
