// What leaves memory, and when. Nothing is told of it: the store keeps what it keeps, and a rule
// does not change its mind because a session is forgotten.

#include <algorithm>

#include "collector/engine/engine_impl.h"

namespace hoptrail::collector::engine {
namespace {

// Looked at in one call at most: ageing never holds up what comes in.
constexpr int kMaxLooks = 10'000;

}  // namespace

void Engine::Impl::Age() {
  const int64_t now = BootNow();
  AgeSessions(now);
  AgeHops(now);
}

void Engine::Impl::AgeSessions(int64_t now) {
  const int64_t again = now + options_.retention_ns / 4 + 1;
  for (int looks = 0; looks < kMaxLooks; ++looks) {
    const bool full = graph_.sessions.size() > options_.max_sessions;
    const auto id = full ? session_age_.TakeFirst() : session_age_.TakeDue(now);
    if (!id.has_value()) return;
    const SessionNode* node = graph_.Find(*id);
    if (node == nullptr) continue;
    const bool over = !node->value.has_value() || node->value->closed_wall_ns != 0;
    const bool old = over && node->touched_ns + options_.retention_ns <= now;
    if ((full || old) && !OnIncident(*id) && DropSession(*id)) continue;
    if (over || full) session_age_.Add(again, *id);
  }
}

void Engine::Impl::AgeHops(int64_t now) {
  const int64_t again = now + options_.retention_ns / 4 + 1;
  for (int looks = 0; looks < kMaxLooks; ++looks) {
    const bool full = joiner_.size() > options_.max_hop_ends;
    const auto key = full ? hop_age_.TakeFirst() : hop_age_.TakeDue(now);
    if (!key.has_value()) return;
    const model::HopEnd* end = joiner_.FindEnd(*key);
    if (end == nullptr) continue;
    // A hop that leads to a session goes when the session goes.
    auto hop = graph_.hops.find(joiner_.HopOf(*key));
    const bool holds = hop != graph_.hops.end() && !hop->second.child.empty();
    if (!holds && (full || end->closed_wall_ns != 0)) {
      DropHop(*key);
    } else {
      hop_age_.Add(again, *key);
    }
  }
}

bool Engine::Impl::OnIncident(const model::SessionId& id) const {
  const TreeIndex::Tree* tree = trees_.Find(graph_.lineage.Root(id));
  if (tree == nullptr) return false;
  for (const model::SessionId& anchor : tree->anchors) {
    const model::Incident* incident = incidents_.Find(model::DeriveIncidentId(anchor));
    const bool settled = incident->state == model::IncidentState::kResolved &&
                         incident->updated_wall_ns + options_.retention_ns <= WallNow();
    if (settled) continue;
    if (anchor == id || std::find(incident->sessions.begin(), incident->sessions.end(), id) !=
                            incident->sessions.end()) {
      return true;
    }
  }
  return false;
}

bool Engine::Impl::DropSession(const model::SessionId& id) {
  if (graph_.lineage.HasChildren(id) || dirty_sessions_.contains(id) ||
      changed_sessions_.contains(id)) {
    return false;
  }
  auto it = graph_.sessions.find(id);
  const absl::btree_map<graph::HopId, EndNode> ends = it->second.ends;
  for (const auto& [key, end] : ends) DropHop(key);
  for (const model::DetectionId& detection : it->second.detections) {
    graph_.detections.erase(detection);
  }
  // Its hop is gone without a word, so its place in the tree goes the same way.
  graph_.lineage.Remove(id);
  trees_.Remove(id);
  incidents_.Forget(id);
  auto host = graph_.by_host.find(it->second.host);
  if (host != graph_.by_host.end()) {
    host->second.erase(id);
    if (host->second.empty()) graph_.by_host.erase(host);
  }
  graph_.sessions.erase(it);
  aged_++;
  return true;
}

void Engine::Impl::DropHop(const graph::HopId& key) {
  if (joiner_.FindEnd(key) == nullptr) return;
  const graph::HopId hop = joiner_.HopOf(key);
  if (auto known = graph_.hops.find(hop); known != graph_.hops.end()) {
    ForgetEnds(hop, known->second);
    graph_.hops.erase(known);
  }
  changed_hops_.erase(hop);
  joiner_.Forget(hop);
}

}  // namespace hoptrail::collector::engine
