#include "collector/engine/join/joiner.h"

#include <utility>

#include "collector/engine/join/key_choice.h"

namespace hoptrail::collector::engine {

graph::HopId Joiner::Put(const model::HopEnd& end, int64_t now_ns) {
  const auto put = ends_.Put(end);
  if (put.replaced.has_value()) {
    Disconnect(*put.replaced);
    contradicted_.erase(*put.replaced);
    changed_.insert(*put.replaced);
    if (waited_.erase(*put.replaced) > 0) waited_.insert(put.id);
  }
  if (put.added) {
    grace_.Add(now_ns + kGraceNs, put.id);
    if (!put.replaced.has_value()) rates_.Add(end, now_ns);
  }
  if (put.changed) {
    MarkChanged(put.id);
    Resolve(put.id);
  }
  return put.id;
}

void Joiner::SetAddresses(const model::HostId& host,
                          const std::vector<model::IpAddress>& addresses) {
  for (const model::IpAddress& changed : owners_.Set(host.machine, addresses)) {
    watch_.Note(changed);
  }
}

void Joiner::SetStreamAddress(const model::HostId& host, const model::IpAddress& address) {
  translations_.SetStream(host.machine, address);
  watch_.Note(address);
}

void Joiner::SetTranslations(std::vector<model::IpPrefix> translations) {
  translations_.Configure(std::move(translations));
  watch_.NoteAll();
}

void Joiner::Tick(int64_t now_ns) {
  for (size_t i = 0; i < kMaxRechecks; ++i) {
    const std::optional<model::HopKey> key = watch_.TakeDue();
    if (!key.has_value()) break;
    ResolveKey(*key);
    ResolveFreed();
  }
  while (auto key = grace_.TakeDue(now_ns)) {
    const model::HopEnd* end = ends_.Find(*key);
    if (end == nullptr || !waited_.insert(*key).second) continue;
    ResolveFlow(end->flow);
  }
}

void Joiner::Restore(const model::Hop& hop, int64_t now_ns) {
  Ends keys;
  for (const auto& end : {hop.client, hop.server}) {
    if (!end.has_value()) continue;
    keys.push_back(ends_.Put(*end).id);
    // A restart makes no flood more plausible.
    if (hop.proof != model::Proof::kProven) rates_.Add(*end, now_ns);
  }
  // Its evidence was judged before the restart, and is not known yet.
  if (hop.joined() && hop.proof == model::Proof::kProven && keys.size() == 2 &&
      !joins_.contains(keys[0]) && !joins_.contains(keys[1])) {
    Connect({keys[0], keys[1], model::Proof::kProven, 1, /*by_key=*/true});
  }
  for (const graph::HopId& key : keys) {
    if (hop.proof == model::Proof::kInferred) {
      waited_.insert(key);
    } else {
      grace_.Add(now_ns + kGraceNs, key);
    }
    MarkChanged(key);
  }
  if (!keys.empty()) {
    emitted_.insert(keys.front());
    Resolve(keys.front());
  }
}

void Joiner::Forget(const graph::HopId& end) {
  Ends keys = {end};
  if (auto it = joins_.find(end); it != joins_.end()) keys.push_back(it->second.partner);
  Disconnect(end);
  freed_.clear();
  for (const graph::HopId& key : keys) {
    const model::HopEnd* known = ends_.Find(key);
    const model::HopKey hop_key = known == nullptr ? model::HopKey{} : known->hop_key;
    ends_.Erase(key);
    if (ends_.ByKey(hop_key).empty()) watch_.Set(hop_key, {});
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
  changes.clocks = clocks_.TakeChanged();
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
    return hop;
  }
  (end->side == model::HopSide::kServer ? hop.server : hop.client) = *end;
  if (auto it = contradicted_.find(key); it != contradicted_.end()) hop.contradiction = it->second;
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
  ResolveFreed();
}

void Joiner::ResolveFreed() {
  while (!freed_.empty()) {
    const graph::HopId next = freed_.back();
    freed_.pop_back();
    const model::HopEnd* freed = ends_.Find(next);
    if (freed != nullptr && waited_.contains(next)) ResolveFlow(freed->flow);
  }
}

void Joiner::ResolveKey(const model::HopKey& key) {
  const absl::Span<const graph::HopId> ends = ends_.ByKey(key);
  const Ends clients = matcher_.FirstOf(ends, model::HopSide::kClient);
  const Ends servers = matcher_.FirstOf(ends, model::HopSide::kServer);
  std::vector<Match> matches = ChooseByKey(matcher_, clients, servers, Standing(ends));
  absl::flat_hash_set<graph::HopId> matched;
  for (const Match& match : matches) matched.insert({match.client, match.server});
  for (const graph::HopId& end : ends) {
    model::Contradiction found = model::Contradiction::kNone;
    if (!matches.empty() && !matched.contains(end)) {
      found = model::Contradiction::kRival;
    } else if (matches.empty() && !clients.empty() && !servers.empty()) {
      found = matcher_.Contradicts(clients.front(), servers.front());
    }
    SetContradiction(end, found);
  }
  Watch(key, matches, clients, servers);
  std::erase_if(matches, [this](const Match& match) { return HasLikelier(match); });
  Settle(ends, matches, /*by_key=*/true);
}

std::vector<Match> Joiner::Standing(absl::Span<const graph::HopId> ends) const {
  std::vector<Match> standing;
  for (const graph::HopId& end : ends) {
    auto join = joins_.find(end);
    if (join == joins_.end() || join->second.proof != model::Proof::kProven ||
        ends_.Find(end)->side != model::HopSide::kClient ||
        matcher_.Contradicts(end, join->second.partner) != model::Contradiction::kNone) {
      continue;
    }
    standing.push_back({end, join->second.partner, model::Proof::kProven, 1, /*by_key=*/true});
  }
  return standing;
}

void Joiner::Watch(const model::HopKey& key, const std::vector<Match>& matches, const Ends& clients,
                   const Ends& servers) {
  std::vector<model::IpAddress> addresses;
  const bool rivals = clients.size() > 1 || servers.size() > 1;
  if (!matches.empty() && (rivals || matches.front().proof != model::Proof::kProven)) {
    for (const Ends* side : {&clients, &servers}) {
      for (const graph::HopId& end : *side) {
        const model::Flow& flow = ends_.Find(end)->flow;
        addresses.insert(addresses.end(), {flow.client.address, flow.server.address});
      }
    }
  }
  watch_.Set(key, std::move(addresses));
}

bool Joiner::HasLikelier(const Match& match) const {
  if (match.proof == model::Proof::kProven) return false;
  for (const graph::HopId& end : {match.client, match.server}) {
    auto join = joins_.find(end);
    if (join != joins_.end() && join->second.by_key != match.by_key &&
        join->second.probability >= match.probability) {
      return true;
    }
  }
  return false;
}

void Joiner::ResolveFlow(const model::Flow& flow) {
  constexpr size_t kMaxEnds = 4 * Matcher::kMaxGroup;
  Ends waiting;
  absl::Span<const graph::HopId> newest = ends_.ByFlow(flow);
  if (newest.size() > kMaxEnds) newest.remove_prefix(newest.size() - kMaxEnds);
  for (const graph::HopId& key : newest) {
    auto join = joins_.find(key);
    auto contradiction = contradicted_.find(key);
    const bool rival = contradiction != contradicted_.end() &&
                       contradiction->second == model::Contradiction::kRival;
    const bool proven = join != joins_.end() && join->second.proof == model::Proof::kProven;
    if (waited_.contains(key) && !rival && !proven) waiting.push_back(key);
  }
  std::vector<Match> matches =
      matcher_.MatchFlow(matcher_.NewestOf(waiting, model::HopSide::kClient),
                         matcher_.NewestOf(waiting, model::HopSide::kServer));
  std::erase_if(matches, [this](const Match& match) { return HasLikelier(match); });
  Settle(waiting, matches, /*by_key=*/false);
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
  if (match.by_key && (it == joins_.end() || !it->second.by_key)) {
    rates_.Remove(*ends_.Find(match.client));
    rates_.Remove(*ends_.Find(match.server));
  }
  joins_[match.client] = join;
  joins_[match.server] = {match.client, match.proof, match.probability, match.by_key};
  MarkChanged(match.client);
  if (was_proven) proven_--;
  if (match.proof != model::Proof::kProven) return;
  proven_++;
  clocks_.Learn(*ends_.Find(match.client), *ends_.Find(match.server));
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

void Joiner::SetContradiction(const graph::HopId& end, model::Contradiction contradiction) {
  auto it = contradicted_.find(end);
  const model::Contradiction before =
      it == contradicted_.end() ? model::Contradiction::kNone : it->second;
  if (contradiction == before) return;
  if (contradiction == model::Contradiction::kNone) {
    contradicted_.erase(it);
  } else {
    contradicted_[end] = contradiction;
  }
  MarkChanged(end);
}

void Joiner::MarkChanged(const graph::HopId& end) {
  changed_.insert(end);
  if (auto it = joins_.find(end); it != joins_.end()) changed_.insert(it->second.partner);
}

}  // namespace hoptrail::collector::engine
