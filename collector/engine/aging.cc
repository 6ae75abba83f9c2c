#include "collector/engine/aging.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"

#include "collector/engine/hop_links.h"

namespace hoptrail::collector::engine {
namespace {

// Bounds the work of one call, so that ageing never delays facts.
constexpr size_t kMaxChecks = 10'000;
// A machine with more than this share (one in so many) of the most sessions loses its own first.
constexpr size_t kLargeShare = 4;

}  // namespace

void Aging::Run() {
  const int64_t now = state_->BootNow();
  AgeSessions(now);
  AgeHops(now);
}

// A machine that reports sessions without end must not push those of others out of memory.
void Aging::MakeRoom() {
  GraphState& graph_state = state_->graph;
  const size_t most = state_->options.max_sessions;
  if (graph_state.sessions.size() <= most) return;
  absl::flat_hash_map<model::MachineId, size_t> sizes;
  for (const auto& [host, sessions] : graph_state.by_host) sizes[host.machine] += sessions.size();
  const auto largest = std::max_element(
      sizes.begin(), sizes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (largest == sizes.end() || largest->second * kLargeShare < most) return;
  // In no order of time: all of them are the flood.
  std::vector<model::SessionId> some;
  for (const auto& [host, sessions] : graph_state.by_host) {
    if (host.machine != largest->first) continue;
    for (const model::SessionId& id : sessions) {
      if (some.size() == kMaxChecks) break;
      some.push_back(id);
    }
  }
  for (const model::SessionId& id : some) {
    if (graph_state.sessions.size() <= most) return;
    // Only a leaf may leave, and a flood may be made of long lines.
    const model::SessionId leaf = LeafBelow(id);
    const SessionNode* node = graph_state.Find(leaf);
    const bool of_flood = node != nullptr && node->host.machine == largest->first;
    if (of_flood && !IsOnIncident(leaf)) DropSession(leaf);
  }
}

model::SessionId Aging::LeafBelow(model::SessionId id) const {
  while (true) {
    const std::vector<model::SessionId> child = state_->graph.lineage.Children(id, 1);
    if (child.empty()) return id;
    id = child.front();
  }
}

void Aging::AgeSessions(int64_t now_boot_ns) {
  MakeRoom();
  const int64_t retention_ns = state_->options.retention_ns;
  const int64_t again = now_boot_ns + retention_ns / 4 + 1;
  for (size_t checks = 0; checks < kMaxChecks; ++checks) {
    const bool full = state_->graph.sessions.size() > state_->options.max_sessions;
    const auto id =
        full ? state_->session_age.TakeFirst() : state_->session_age.TakeDue(now_boot_ns);
    if (!id.has_value()) return;
    const SessionNode* node = state_->graph.Find(*id);
    if (node == nullptr) continue;
    const bool over = !node->value.has_value() || node->value->closed_wall_ns != 0;
    const bool old = over && node->updated_boot_ns + retention_ns <= now_boot_ns;
    if ((full || old) && !IsOnIncident(*id) && DropSession(*id)) continue;
    if (over || full) state_->session_age.Add(again, *id);
  }
}

void Aging::AgeHops(int64_t now_boot_ns) {
  const int64_t again = now_boot_ns + state_->options.retention_ns / 4 + 1;
  for (size_t checks = 0; checks < kMaxChecks; ++checks) {
    const bool full = state_->graph.hop_ends > state_->options.max_hop_ends;
    const auto key = full ? state_->hop_age.TakeFirst() : state_->hop_age.TakeDue(now_boot_ns);
    if (!key.has_value()) return;
    auto hop = state_->graph.hops.find(*key);
    if (hop == state_->graph.hops.end()) continue;
    // A hop that opened a session leaves together with the session, or after its drives, and so
    // does a disputed one, without which the detection on the session would be withdrawn.
    const bool leads = absl::c_any_of(hop->second.children, [this](const model::SessionId& child) {
      return state_->graph.Find(child) != nullptr;
    });
    const bool needed = leads || hop->second.passage || (hop->second.disputed && !full);
    if (!needed && (full || hop->second.closed)) {
      DropHop(*key);
    } else {
      state_->hop_age.Add(again, *key);
    }
  }
}

bool Aging::IsOnIncident(const model::SessionId& id) const {
  const TreeIndex::Tree* tree = state_->trees.Find(state_->graph.lineage.Root(id));
  if (tree == nullptr) return false;
  for (const model::SessionId& anchor : tree->anchors) {
    const model::Incident* incident = state_->incidents.Find(model::DeriveIncidentId(anchor));
    const bool over = incident->state == model::IncidentState::kResolved &&
                      incident->updated_wall_ns + state_->options.retention_ns <= state_->WallNow();
    if (over) continue;
    if (anchor == id || std::find(incident->sessions.begin(), incident->sessions.end(), id) !=
                            incident->sessions.end()) {
      return true;
    }
  }
  return false;
}

bool Aging::DropSession(const model::SessionId& id) {
  GraphState& graph_state = state_->graph;
  if (graph_state.lineage.HasChildren(id) || state_->changes.unevaluated.contains(id) ||
      state_->changes.sessions.contains(id)) {
    return false;
  }
  auto it = graph_state.sessions.find(id);
  const absl::btree_map<graph::HopId, EndNode> ends = it->second.ends;
  for (const auto& [key, end] : ends) DropHop(end.hop);
  for (const model::DetectionId& detection : it->second.detections) {
    graph_state.detections.erase(detection);
  }
  if (it->second.value.has_value()) {
    auto driven = graph_state.sessions.find(it->second.value->drives);
    if (driven != graph_state.sessions.end()) driven->second.drives.erase(id);
  }
  // DropHop withdraws no parent, so that nothing is emitted. Remove the session's links here.
  graph_state.lineage.Remove(id);
  state_->trees.Remove(id);
  state_->incidents.Forget(id);
  auto host = graph_state.by_host.find(it->second.host);
  if (host != graph_state.by_host.end()) {
    host->second.erase(id);
    if (host->second.empty()) graph_state.by_host.erase(host);
  }
  graph_state.sessions.erase(it);
  aged_++;
  return true;
}

void Aging::DropHop(const graph::HopId& hop) {
  auto known = state_->graph.hops.find(hop);
  if (known == state_->graph.hops.end()) return;
  ForgetEnds(hop, known->second, state_);
  state_->graph.hop_ends -= known->second.ends();
  state_->graph.hops.erase(known);
  state_->changes.hops.erase(hop);
  state_->changed_hops.insert(hop);
  joiner_->Forget(hop);
}

}  // namespace hoptrail::collector::engine
