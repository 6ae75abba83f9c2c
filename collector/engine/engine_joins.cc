// From the joiner's values to links between sessions.

#include <utility>

#include "collector/engine/engine_impl.h"

namespace hoptrail::collector::engine {

void Engine::Impl::ApplyJoins() {
  JoinChanges changes = joiner_.TakeChanges();
  for (const ClockOffset& clock : changes.clocks) {
    graph_.clocks[clock.host] = clock;
    changed_clocks_[clock.host] = clock;
  }
  for (JoinChange& change : changes.hops) ApplyJoin(std::move(change));
}

void Engine::Impl::ApplyJoin(JoinChange change) {
  const graph::HopId key = change.key;
  auto known = graph_.hops.find(key);
  if (known != graph_.hops.end()) ForgetEnds(key, known->second);
  if (!change.hop.has_value()) {
    changed_hops_.erase(key);
    removed_hops_.insert(key);
    if (known == graph_.hops.end()) return;
    known->second = {.child = known->second.child};
    Relink(key);
    graph_.hops.erase(key);
    return;
  }
  const model::Hop& hop = *change.hop;
  HopNode node{.proof = hop.proof, .probability = hop.probability};
  if (known != graph_.hops.end()) node.child = known->second.child;
  if (hop.client.has_value()) {
    node.client = {key, hop.client->host, hop.client->session};
    node.client_established_boot_ns = hop.client->established_boot_ns;
  }
  if (hop.server.has_value()) {
    node.server = {change.server_end, hop.server->host, hop.server->session};
    node.opened_session = hop.server->opened_session;
  }
  graph_.hops[key] = node;
  for (const auto* side : {&hop.client, &hop.server}) {
    if (!side->has_value()) continue;
    const model::HopEnd* const end = &side->value();
    if (end->session.empty() || Foreign(end->session, end->host)) continue;
    const bool server = end->side == model::HopSide::kServer;
    Node(end->session, end->host).ends[server ? change.server_end : key] = {
        key, server && end->opened_session, end->hop_key, end->established_boot_ns};
  }
  changed_hops_[key] = *std::move(change.hop);
  Relink(key);
}

// What the hop's ends have told their sessions' nodes.
void Engine::Impl::ForgetEnds(const graph::HopId& hop, const HopNode& node) {
  for (const HopNode::End& end : {node.client, node.server}) {
    auto session = graph_.sessions.find(end.session);
    if (session == graph_.sessions.end()) continue;
    auto known = session->second.ends.find(end.key);
    if (known != session->second.ends.end() && known->second.hop == hop) {
      session->second.ends.erase(known);
    }
  }
}

void Engine::Impl::Relink(const graph::HopId& key) {
  auto known = graph_.hops.find(key);
  if (known == graph_.hops.end()) return;
  const HopNode hop = known->second;
  const bool links = !hop.client.session.empty() && !hop.server.session.empty() &&
                     hop.opened_session && !Foreign(hop.server.session, hop.server.host) &&
                     !Foreign(hop.client.session, hop.client.host);
  const model::SessionId child = links ? hop.server.session : model::SessionId{};
  known->second.child = child;
  if (!hop.child.empty() && hop.child != child) {
    Note(hop.child, graph_.lineage.Withdraw(hop.child, graph::LinkKind::kHop, key));
  }
  if (!links) return;
  Node(child, hop.server.host);
  Node(hop.client.session, hop.client.host);
  Note(child, graph_.lineage.Offer(child, {.parent = hop.client.session,
                                           .kind = graph::LinkKind::kHop,
                                           .hop = key,
                                           .proof = hop.proof,
                                           .probability = hop.probability,
                                           .order = hop.client_established_boot_ns}));
}

}  // namespace hoptrail::collector::engine
