#include "collector/engine/passages.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "collector/engine/hop_links.h"
#include "collector/engine/join/passage.h"
#include "collector/engine/passage_odds.h"
#include "core/base/digest.h"
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
  const int64_t begin = into.established_wall_ns - slack;
  const int64_t end = (into.closed_wall_ns == 0 ? into.established_wall_ns + kLongestPassageNs
                                                : into.closed_wall_ns) +
                      slack;
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
    const Choice choice = Choose(ip, address, *entry);
    if (choice.explained != half->second.explained) {
      half->second.explained = choice.explained;
      address.explained += choice.explained ? 1 : -1;
    }
    if (choice.into.empty()) {
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

Passages::Choice Passages::Choose(const model::IpAddress& ip, const Address& address,
                                  const model::HopEnd& entry) const {
  // The best candidate of each machine: a host that reports many connections weighs as one, so that
  // it can neither take a path away from others nor hide it.
  struct Best {
    graph::HopId into;
    double odds = 0;
    double all = 0;
  };
  absl::btree_map<model::MachineId, Best> best;
  Choice choice;
  auto it = address.into.upper_bound(
      {entry.established_wall_ns + kPassageUnknownClocksNs, graph::HopId{}});
  size_t room = kMaxCandidates;
  while (it != address.into.begin() && room-- > 0) {
    --it;
    const model::HopEnd* into = joiner_->FindEnd(it->second);
    if (into == nullptr || into->session == entry.session) continue;
    const std::optional<double> odds = OddsOfPassage(state_->graph, *into, entry);
    if (!odds.has_value()) continue;
    choice.explained = true;
    Best& machine = best[into->host.machine];
    machine.all += *odds;
    if (*odds > machine.odds || (*odds == machine.odds && it->second < machine.into)) {
      machine.odds = *odds;
      machine.into = it->second;
    }
  }
  double all = 0;
  for (const auto& [machine, each] : best) all += each.odds;
  const double own = std::max(0.0, std::exp2(address.own_entries) - 1);
  for (const auto& [machine, each] : best) {
    const double others = all - each.odds + (each.all - each.odds);
    const double probability = PassageProbability(each.odds, others, own);
    if (probability >= kLeastPassage && probability > choice.probability) {
      choice.probability = probability;
      choice.into = each.into;
    }
  }
  return choice;
}

void Passages::Link(const graph::HopId& entry, const Choice& choice) {
  Half& half = halves_.at(entry);
  if (half.into != choice.into) Unlink(entry);
  const model::SessionId session = PutSession(choice.into, half.address);
  const model::HopEnd& end = *joiner_->FindEnd(entry);
  half.into = choice.into;
  half.child = end.session;
  passages_.at(choice.into).entries.insert(entry);
  SetPassage(entry, true);
  state_->OfferParent(end.session, {.parent = session,
                                    .kind = graph::LinkKind::kHop,
                                    .hop = entry,
                                    .proof = model::Proof::kInferred,
                                    .probability = choice.probability,
                                    .order = static_cast<uint64_t>(end.established_wall_ns)});
}

void Passages::Unlink(const graph::HopId& entry) {
  Half& half = halves_.at(entry);
  if (half.into.empty()) return;
  state_->WithdrawParent(half.child, graph::LinkKind::kHop, entry);
  SetPassage(entry, false);
  const graph::HopId into = std::exchange(half.into, graph::HopId{});
  half.child = {};
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
  session.logged_in = true;
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

// Nothing follows from the connection any more: its session stays in the store, as one that is over
// and that nobody entered.
void Passages::Retire(const graph::HopId& into) {
  const model::SessionId session = passages_.at(into).session;
  passages_.erase(into);
  SetPassage(into, false);
  state_->WithdrawParent(session, graph::LinkKind::kHop, into);
  auto node = state_->graph.sessions.find(session);
  if (node == state_->graph.sessions.end() || !node->second.value.has_value()) return;
  model::Session& value = *node->second.value;
  value.logged_in = false;
  if (value.closed_wall_ns == 0) value.closed_wall_ns = state_->WallNow();
  state_->changes.sessions.insert(session);
  state_->session_age.Add(state_->BootNow() + state_->options.retention_ns, session);
}

void Passages::SetPassage(const graph::HopId& hop, bool passage) {
  auto known = state_->graph.hops.find(hop);
  if (known != state_->graph.hops.end()) known->second.passage = passage;
}

}  // namespace hoptrail::collector::engine
