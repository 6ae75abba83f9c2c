#include "collector/engine/passages.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <utility>

#include "absl/algorithm/container.h"

#include "collector/engine/hop_links.h"
#include "collector/engine/join/passage.h"
#include "collector/engine/passage_odds.h"
#include "core/base/digest.h"
#include "core/base/saturating.h"
#include "core/graph/lineage.h"
#include "core/model/session.h"
#include "core/model/unmonitored.h"

namespace hoptrail::collector::engine {
namespace {

const model::IpAddress& FarAddress(const model::HopEnd& end) {
  return end.side == model::HopSide::kClient ? end.flow.server.address : end.flow.client.address;
}

}  // namespace

void Passages::Run(bool waits) {
  absl::btree_set<graph::HopId> changed;
  changed.swap(state_->changed_hops);
  for (const graph::HopId& key : changed) Note(key, waits);
  while (const auto key = grace_.TakeDue(state_->BootNow())) {
    auto half = halves_.find(*key);
    if (half == halves_.end()) continue;
    half->second.waiting = false;
    addresses_[half->second.address].dirty.insert(*key);
    dirty_.insert(half->second.address);
  }
  while (!dirty_.empty()) {
    absl::btree_set<model::IpAddress> dirty;
    dirty.swap(dirty_);
    for (const model::IpAddress& address : dirty) EvaluateAddress(address);
  }
}

void Passages::RecheckAll() {
  for (const auto& [key, hop] : state_->graph.hops) {
    if (hop.ends() == 1) state_->changed_hops.insert(key);
  }
}

void Passages::Recheck(const model::IpAddress& address) {
  auto known = addresses_.find(address);
  if (known == addresses_.end()) return;
  for (const auto* side : {&known->second.into, &known->second.from}) {
    for (const auto& [wall_ns, key] : *side) state_->changed_hops.insert(key);
  }
}

std::optional<Passages::Half> Passages::HalfOf(const std::optional<model::Hop>& hop) const {
  if (!hop.has_value() || hop->joined() || hop->contradiction != model::Contradiction::kNone) {
    return std::nullopt;
  }
  const model::HopEnd& end = hop->client.has_value() ? *hop->client : *hop->server;
  const model::IpAddress& address = FarAddress(end);
  const bool server = end.side == model::HopSide::kServer;
  if (end.session.empty() || (server && !end.opened_session) || address.is_loopback() ||
      address == model::IpAddress{} || joiner_->owners().Owns(end.host.machine, address) ||
      joiner_->IsTranslation(address)) {
    return std::nullopt;
  }
  return Half{.address = address, .side = end.side, .established_wall_ns = end.established_wall_ns};
}

void Passages::Note(const graph::HopId& key, bool waits) {
  // Most hops have both ends, and are not copied.
  auto node = state_->graph.hops.find(key);
  std::optional<model::Hop> hop;
  if (node != state_->graph.hops.end() && node->second.ends() == 1) hop = joiner_->Find(key);
  const std::optional<Half> half = HalfOf(hop);
  auto known = halves_.find(key);
  if (!half.has_value()) {
    if (known != halves_.end()) Unindex(key);
    return;
  }
  Address& address = addresses_[half->address];
  const bool client = half->side == model::HopSide::kClient;
  if (known == halves_.end()) {
    known = halves_.emplace(key, *half).first;
    (client ? address.into : address.from).insert({half->established_wall_ns, key});
    if (!client && waits) {
      known->second.waiting = true;
      grace_.Add(state_->BootNow() + kGraceNs, key);
    }
  }
  if (known->second.waiting) return;
  if (client) {
    MarkAround(address, *hop->client);
  } else {
    address.dirty.insert(key);
  }
  dirty_.insert(half->address);
}

void Passages::Unindex(const graph::HopId& key) {
  const Half half = halves_.at(key);
  Address& address = addresses_.at(half.address);
  if (half.side == model::HopSide::kServer) {
    Unlink(key);
    if (half.explained) address.explained--;
    address.from.erase({half.established_wall_ns, key});
    address.dirty.erase(key);
  } else {
    address.into.erase({half.established_wall_ns, key});
    if (auto passage = passages_.find(key); passage != passages_.end()) {
      address.dirty.insert(passage->second.entries.begin(), passage->second.entries.end());
      dirty_.insert(half.address);
    }
    // The others are more likely without it.
    model::HopEnd gone;
    gone.established_wall_ns = half.established_wall_ns;
    MarkAround(address, gone);
    dirty_.insert(half.address);
  }
  halves_.erase(key);
  if (address.into.empty() && address.from.empty()) {
    addresses_.erase(half.address);
    dirty_.erase(half.address);
  }
}

// The logins to which a connection into the host may have led.
void Passages::MarkAround(Address& address, const model::HopEnd& into) {
  const int64_t slack = kPassageUnknownClocksNs + kPassageAfterNs;
  const int64_t begin = SaturatingSubtract(into.established_wall_ns, slack);
  const int64_t last = into.closed_wall_ns == 0
                           ? SaturatingAdd(into.established_wall_ns, kLongestPassageNs)
                           : into.closed_wall_ns;
  const int64_t end = SaturatingAdd(last, slack);
  auto it = address.from.lower_bound({begin, graph::HopId{}});
  for (size_t i = 0; i < kMaxEntries && it != address.from.end() && it->first <= end; ++i, ++it) {
    if (halves_.at(it->second).waiting) continue;
    address.dirty.insert(it->second);
  }
}

void Passages::EvaluateAddress(const model::IpAddress& ip) {
  auto known = addresses_.find(ip);
  if (known == addresses_.end()) return;
  absl::btree_set<graph::HopId> dirty;
  dirty.swap(known->second.dirty);
  for (const graph::HopId& key : dirty) {
    const model::HopEnd* entry = joiner_->FindEnd(key);
    auto half = halves_.find(key);
    if (entry == nullptr || half == halves_.end()) continue;
    Address& address = addresses_.at(ip);
    const Choice choice = Choose(address, *entry);
    if (choice.explained != half->second.explained) {
      half->second.explained = choice.explained;
      address.explained += choice.explained ? 1 : -1;
    }
    if (choice.origins.empty()) {
      Unlink(key);
    } else {
      Link(key, choice);
    }
  }
  Address& address = addresses_.at(ip);
  const auto explained = static_cast<double>(address.explained);
  const auto others = static_cast<double>(address.from.size()) - explained;
  const int own_entries = static_cast<int>(std::floor(std::log2((others + 1) / (explained + 1))));
  if (own_entries == address.own_entries) return;
  // The same logins are more or less likely to be the host's own.
  address.own_entries = own_entries;
  size_t room = kMaxEntries;
  for (auto it = address.from.rbegin(); it != address.from.rend() && room > 0; ++it, --room) {
    if (!halves_.at(it->second).waiting) address.dirty.insert(it->second);
  }
  dirty_.insert(ip);
}

Passages::Choice Passages::Choose(const Address& address, const model::HopEnd& entry) const {
  Choice choice;
  std::vector<Origin>& origins = choice.origins;
  auto it = address.into.upper_bound(
      {SaturatingAdd(entry.established_wall_ns, kPassageUnknownClocksNs), graph::HopId{}});
  size_t room = kMaxCandidates;
  while (it != address.into.begin() && room-- > 0) {
    --it;
    const model::HopEnd* into = joiner_->FindEnd(it->second);
    if (into == nullptr || into->session == entry.session) continue;
    const std::optional<double> odds = OddsOfPassage(state_->graph, *into, entry);
    if (odds.has_value()) origins.push_back({it->second, into->host.machine, *odds});
  }
  choice.explained = !origins.empty();
  // All connections of a machine weigh as much as its likeliest one against those of others: a host
  // that reports many can neither take a path away from others nor hide it.
  struct Weight {
    double best = 0, sum = 0;
  };
  absl::btree_map<model::MachineId, Weight> weights;
  for (const Origin& origin : origins) {
    Weight& weight = weights[origin.machine];
    weight.best = std::max(weight.best, origin.odds);
    weight.sum += origin.odds;
  }
  double all = 0;
  for (const auto& [machine, weight] : weights) all += weight.best;
  const double own = std::max(0.0, std::exp2(address.own_entries) - 1);
  double sum = 0;
  for (Origin& origin : origins) {
    const Weight& weight = weights[origin.machine];
    const double others = all - weight.best + weight.sum - origin.odds;
    origin.probability = PassageProbability(origin.odds, others, own);
  }
  std::erase_if(origins, [](const Origin& each) { return each.probability < kLeastPassage; });
  std::sort(origins.begin(), origins.end(), [](const Origin& a, const Origin& b) {
    return std::tie(b.probability, a.into) < std::tie(a.probability, b.into);
  });
  if (origins.size() > kMaxOrigins) origins.resize(kMaxOrigins);
  for (const Origin& origin : origins) sum += origin.probability;
  for (Origin& origin : origins) origin.probability /= std::max(1.0, sum);
  return choice;
}

void Passages::Link(const graph::HopId& entry, const Choice& choice) {
  Half& half = halves_.at(entry);
  const model::HopEnd& end = *joiner_->FindEnd(entry);
  const std::vector<graph::HopId> before = std::exchange(half.into, {});
  half.child = end.session;
  std::vector<graph::Link> links;
  for (const Origin& origin : choice.origins) {
    links.push_back({.parent = PutSession(origin.into, half.address),
                     .kind = graph::LinkKind::kHop,
                     .hop = entry,
                     .proof = model::Proof::kInferred,
                     .probability = origin.probability,
                     .order = static_cast<uint64_t>(end.established_wall_ns)});
    passages_.at(origin.into).entries.insert(entry);
    half.into.push_back(origin.into);
  }
  SetPassage(entry, true);
  state_->OfferParents(half.child, links);
  for (const graph::HopId& into : before) {
    if (!absl::c_linear_search(half.into, into)) Release(into, entry);
  }
}

void Passages::Unlink(const graph::HopId& entry) {
  Half& half = halves_.at(entry);
  if (half.into.empty()) return;
  state_->WithdrawParent(half.child, graph::LinkKind::kHop, entry);
  SetPassage(entry, false);
  for (const graph::HopId& into : std::exchange(half.into, {})) Release(into, entry);
  half.child = {};
}

void Passages::Release(const graph::HopId& into, const graph::HopId& entry) {
  auto passage = passages_.find(into);
  if (passage == passages_.end()) return;
  passage->second.entries.erase(entry);
  if (passage->second.entries.empty()) Retire(into);
}

model::SessionId Passages::PutSession(const graph::HopId& into, const model::IpAddress& ip) {
  const model::HopEnd& end = *joiner_->FindEnd(into);
  Passage& passage = passages_[into];
  passage.session = {Digest128({"passage", model::ToString(ip), model::ToString(into)})};
  model::Session session;
  session.id = passage.session;
  session.host = model::UnmonitoredHost(ip);
  session.kind = model::EntryKind::kRemote;
  session.entry = model::Entry{end.hop_key, end.flow, 0};
  session.opened_boot_ns = static_cast<uint64_t>(std::max<int64_t>(0, end.established_wall_ns));
  session.opened_wall_ns = end.established_wall_ns;
  session.login_ended_wall_ns = end.closed_wall_ns;
  session.closed_wall_ns = end.closed_wall_ns;
  SessionNode& node = state_->Upsert(session.id, session.host);
  if (!node.value.has_value() || *node.value != session) {
    node.value = session;
    node.updated_boot_ns = state_->BootNow();
    state_->changes.sessions.insert(session.id);
    state_->MarkRetitled(session.id);
    if (session.closed_wall_ns != 0) {
      state_->session_age.Add(node.updated_boot_ns + state_->options.retention_ns, session.id);
    }
  }
  SetPassage(into, true);
  state_->OfferParents(session.id, LinksFromClient(into, kMostPassage, state_));
  return session.id;
}

// Nothing follows from the connection any more: its session stays in the store, as one that is
// over.
void Passages::Retire(const graph::HopId& into) {
  const model::SessionId session = passages_.at(into).session;
  passages_.erase(into);
  SetPassage(into, false);
  state_->WithdrawParent(session, graph::LinkKind::kHop, into);
  auto node = state_->graph.sessions.find(session);
  if (node == state_->graph.sessions.end() || !node->second.value.has_value()) return;
  model::Session& value = *node->second.value;
  if (value.closed_wall_ns == 0) value.closed_wall_ns = state_->WallNow();
  state_->changes.sessions.insert(session);
  state_->session_age.Add(state_->BootNow() + state_->options.retention_ns, session);
}

void Passages::SetPassage(const graph::HopId& hop, bool passage) {
  auto known = state_->graph.hops.find(hop);
  if (known != state_->graph.hops.end()) known->second.passage = passage;
}

}  // namespace hoptrail::collector::engine
