#include "collector/engine/hop_links.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"

#include "collector/engine/drives.h"
#include "core/graph/lineage.h"
#include "core/model/hop.h"

namespace hoptrail::collector::engine {
namespace {

// A driver that is less likely than this is no one to be blamed: one of many connections that a
// busy service had open.
constexpr double kLeastDriven = 0.2;
constexpr double kLeastItself = 0.01;

// The sessions of a hop that is, or was, disputed have another number of disputed ends.
void MarkDisputed(const HopNode& hop, EngineState* state) {
  if (!hop.disputed) return;
  for (const HopNode::End& end : {hop.client, hop.server}) {
    if (!end.session.empty()) state->changes.dirty_sessions.insert(end.session);
  }
}

// A node to which a hop gives a parent.
struct Child {
  model::SessionId id;
  bool forward = true;  // from the client to the server
  bool later = false;   // it is what the connection carries, not what opened it
};

// A hop leads to the session that it opened, and to what the server's session does because of it.
// The other way round, it leads to what the client's session does because its server says so, as a
// reverse shell does.
std::vector<Child> ChildrenOf(const HopNode& hop, const EngineState& state) {
  if (hop.client.session.empty() || hop.server.session.empty() ||
      state.IsForeign(hop.server.session, hop.server.host) ||
      state.IsForeign(hop.client.session, hop.client.host)) {
    return {};
  }
  std::vector<Child> children;
  if (hop.opened_session) children.push_back({hop.server.session});
  const model::SessionId driven = FindDrive(hop.server.session, hop.hop_key, state);
  if (!driven.empty()) children.push_back({driven, /*forward=*/true, /*later=*/true});
  const model::SessionId client = FindDrive(hop.client.session, hop.hop_key, state);
  if (!client.empty()) children.push_back({client, /*forward=*/false, /*later=*/true});
  return children;
}

// The session itself may be the cause, and what drove it: as likely as its agent says.
std::vector<graph::Link> LinksTo(const Child& child, const graph::HopId& key, const HopNode& hop,
                                 EngineState* state) {
  const HopNode::End& parent = child.forward ? hop.client : hop.server;
  const graph::Link itself{.parent = parent.session,
                           .kind = graph::LinkKind::kHop,
                           .hop = key,
                           .proof = hop.proof,
                           .probability = hop.probability,
                           .order = hop.client_established_boot_ns};
  std::vector<graph::Link> links = {itself};
  double rest = 1;
  for (const model::Driver& driver : child.forward ? hop.drivers : hop.server_drivers) {
    if (driver.later && !child.later) continue;
    graph::Link link = itself;
    link.parent = UpsertDrive(parent.host, parent.session, driver, state);
    link.proof = model::Proof::kInferred;
    link.probability = hop.probability * driver.probability;
    rest -= driver.probability;
    if (!link.parent.empty() && driver.probability >= kLeastDriven) links.push_back(link);
  }
  if (rest < 1) {
    links.front().proof = model::Proof::kInferred;
    links.front().probability = hop.probability * std::max(rest, kLeastItself);
  }
  return links;
}

void ApplyJoin(JoinChange change, EngineState* state) {
  GraphState& graph_state = state->graph;
  const graph::HopId key = change.key;
  state->changed_hops.insert(key);
  auto known = graph_state.hops.find(key);
  if (known != graph_state.hops.end()) {
    MarkDisputed(known->second, state);
    ForgetEnds(key, known->second, state);
    graph_state.hop_ends -= known->second.ends();
  } else if (change.hop.has_value()) {
    state->hop_age.Add(state->BootNow() + state->options.retention_ns, key);
  }
  if (!change.hop.has_value()) {
    state->changes.hops.erase(key);
    state->changes.removed_hops.insert(key);
    if (known == graph_state.hops.end()) return;
    known->second = {.children = known->second.children};
    LinkHop(key, state);
    graph_state.hops.erase(key);
    return;
  }
  const model::Hop& hop = *change.hop;
  HopNode node{.disputed = hop.contradiction == model::Contradiction::kRival,
               .proof = hop.proof,
               .probability = hop.probability};
  if (known != graph_state.hops.end()) {
    node.children = known->second.children;
    node.passage = known->second.passage;
  }
  if (hop.client.has_value()) {
    node.hop_key = hop.client->hop_key;
    node.drivers = hop.client->drivers;
    node.client = {key, hop.client->host, hop.client->session};
    node.client_established_boot_ns = hop.client->established_boot_ns;
    node.closed = hop.client->closed_wall_ns != 0;
  }
  if (hop.server.has_value()) {
    node.hop_key = hop.server->hop_key;
    node.server_drivers = hop.server->drivers;
    node.server = {change.server_end, hop.server->host, hop.server->session};
    node.opened_session = hop.server->opened_session;
    node.closed = node.closed || hop.server->closed_wall_ns != 0;
  }
  graph_state.hops[key] = node;
  graph_state.hop_ends += node.ends();
  for (const auto* side : {&hop.client, &hop.server}) {
    if (!side->has_value()) continue;
    const model::HopEnd& end = side->value();
    if (end.session.empty() || state->IsForeign(end.session, end.host)) continue;
    const bool server = end.side == model::HopSide::kServer;
    SessionNode& session = state->Upsert(end.session, end.host);
    session.ends[server ? change.server_end : key] = {key, server && end.opened_session,
                                                      end.hop_key, end.established_boot_ns};
    if (node.disputed) session.disputed++;
    UpdateDrive(end, state);
  }
  MarkDisputed(node, state);
  state->changes.hops[key] = *std::move(change.hop);
  LinkHop(key, state);
}

}  // namespace

void ApplyJoins(JoinChanges changes, EngineState* state) {
  for (const ClockOffset& offset : changes.clocks) {
    state->graph.clocks[offset.host] = offset;
    state->changes.clock_offsets[offset.host] = offset;
  }
  for (JoinChange& change : changes.hops) ApplyJoin(std::move(change), state);
}

void LinkHop(const graph::HopId& key, EngineState* state) {
  auto known = state->graph.hops.find(key);
  if (known == state->graph.hops.end()) return;
  const HopNode hop = known->second;
  const std::vector<Child> children = ChildrenOf(hop, *state);
  known->second.children.clear();
  for (const Child& child : children) known->second.children.push_back(child.id);
  for (const model::SessionId& before : hop.children) {
    if (absl::c_linear_search(known->second.children, before)) continue;
    state->WithdrawParent(before, graph::LinkKind::kHop, key);
  }
  for (const Child& child : children) {
    const HopNode::End& from = child.forward ? hop.client : hop.server;
    state->Upsert(child.id, child.forward ? hop.server.host : hop.client.host);
    state->Upsert(from.session, from.host);
    state->OfferParents(child.id, LinksTo(child, key, hop, state));
  }
}

std::vector<graph::Link> LinksFromClient(const graph::HopId& key, double probability,
                                         EngineState* state) {
  auto known = state->graph.hops.find(key);
  if (known == state->graph.hops.end()) return {};
  HopNode hop = known->second;
  hop.proof = model::Proof::kInferred;
  hop.probability = probability;
  return LinksTo({}, key, hop, state);
}

void ForgetEnds(const graph::HopId& hop, const HopNode& node, EngineState* state) {
  for (const HopNode::End& end : {node.client, node.server}) {
    auto session = state->graph.sessions.find(end.session);
    if (session == state->graph.sessions.end()) continue;
    auto known = session->second.ends.find(end.key);
    if (known != session->second.ends.end() && known->second.hop == hop) {
      if (node.disputed) session->second.disputed--;
      session->second.ends.erase(known);
    }
  }
}

}  // namespace hoptrail::collector::engine
