#include "collector/engine/engine_state.h"

#include <algorithm>
#include <string>

namespace hoptrail::collector::engine {
namespace {

// The store keeps further detections of one session, but they do not make its incident longer.
constexpr size_t kMaxDetectionsPerSession = 1000;

}  // namespace

SessionNode& EngineState::Upsert(const model::SessionId& id, const model::HostId& host) {
  auto [it, added] = graph.sessions.try_emplace(id);
  if (added) {
    it->second.host = host;
    it->second.updated_boot_ns = BootNow();
    graph.by_host[host].insert(id);
    session_age.Add(it->second.updated_boot_ns + options.retention_ns, id);
  }
  return it->second;
}

void EngineState::PutSession(const model::Session& session) {
  SessionNode& node = Upsert(session.id, session.host);
  if (node.value.has_value()) return;
  node.value = session;
  changes.sessions.insert(session.id);
  MarkSubtree(session.id);
}

bool EngineState::IsForeign(const model::SessionId& id, const model::HostId& host) const {
  const SessionNode* node = graph.Find(id);
  return node != nullptr && node->value.has_value() && node->host != host;
}

const model::Detection* EngineState::FindDetection(const model::DetectionId& id) const {
  auto it = graph.detections.find(id);
  return it == graph.detections.end() ? nullptr : &it->second;
}

model::IncidentId EngineState::IncidentOf(const model::SessionId& session) const {
  const TreeIndex::Tree* tree = trees.Find(graph.lineage.Root(session));
  if (tree == nullptr) return {};
  const model::Incident* incident =
      incidents.Surviving({tree->anchors.begin(), tree->anchors.end()});
  return incident == nullptr ? model::IncidentId{} : incident->id;
}

void EngineState::OfferParents(const model::SessionId& child, absl::Span<const graph::Link> links) {
  NoteParentChange(child, graph.lineage.Offer(child, links));
}

void EngineState::WithdrawParent(const model::SessionId& child, graph::LinkKind kind,
                                 const graph::HopId& hop) {
  NoteParentChange(child, graph.lineage.Withdraw(child, kind, hop));
}

void EngineState::NoteParentChange(const model::SessionId& child,
                                   const graph::Lineage::Change& change) {
  if (!change.changed) return;
  MarkRetitled(child);
  if (!change.old_parent.empty()) changes.dirty_sessions.insert(change.old_parent);
  if (!change.new_parent.empty()) changes.dirty_sessions.insert(change.new_parent);
}

void EngineState::MarkSubtree(const model::SessionId& id) { changes.dirty_subtrees.insert(id); }

void EngineState::MarkRetitled(const model::SessionId& id) {
  MarkSubtree(id);
  changes.retitled_sessions.insert(id);
}

void EngineState::Index(const model::SessionId& id) {
  Index(id, graph.lineage.Root(id), graph.lineage.Depth(id));
}

void EngineState::Index(const model::SessionId& id, const model::SessionId& root, uint32_t depth) {
  const SessionNode* node = graph.Find(id);
  if (node == nullptr) return;
  TreeIndex::Entry entry;
  entry.root = root;
  entry.depth = depth;
  entry.opened_wall_ns = node->value.has_value() ? node->value->opened_wall_ns : 0;
  entry.reached = entry.depth > 0 && graph.Entered(id);
  entry.detected = !node->detections.empty();
  entry.anchor = incidents.IsAnchor(id);
  for (const model::SessionId& root : trees.Set(id, entry)) changes.dirty_trees.insert(root);

  const graph::Link* link = graph.lineage.Parent(id);
  if (!entry.reached || link == nullptr || link->kind != graph::LinkKind::kHop) return;
  const KnownEdges::Edge edge = graph.EdgeOf(*link, id);
  if (edge.user.empty()) return;
  if (auto replaced = graph.edges.Learn(edge, id, entry.opened_wall_ns)) {
    changes.dirty_trees.insert(graph.lineage.Root(*replaced));
  }
}

void EngineState::PutDetection(const model::Detection& detection) {
  auto [it, added] = graph.detections.try_emplace(detection.id, detection);
  bool worse = added;
  if (!added) {
    if (it->second == detection) return;
    worse = detection.severity > it->second.severity || detection.wall_ns > it->second.wall_ns;
    if (it->second.session != detection.session) {
      auto old = graph.sessions.find(it->second.session);
      if (old != graph.sessions.end()) {
        auto& ids = old->second.detections;
        ids.erase(std::remove(ids.begin(), ids.end(), detection.id), ids.end());
        Index(old->first);
      }
    }
    it->second = detection;
  }
  if (worse) changes.escalated.insert(detection.id);
  changes.detections.insert(detection.id);
  auto& ids = Upsert(detection.session, detection.host).detections;
  if (std::find(ids.begin(), ids.end(), detection.id) == ids.end() &&
      ids.size() < kMaxDetectionsPerSession) {
    ids.push_back(detection.id);
  }
  Index(detection.session);
  changes.dirty_trees.insert(graph.lineage.Root(detection.session));
}

void EngineState::SetHostName(const model::HostId& host, absl::string_view name) {
  const HostNames::Change change = graph.host_names.Set(host, name);
  if (change.refused) Refuse(host, RefusalReason::kHostName);
  for (const model::HostId& relabelled : change.relabelled) {
    auto sessions = graph.by_host.find(relabelled);
    if (sessions == graph.by_host.end()) continue;
    for (const model::SessionId& id : sessions->second) MarkRetitled(id);
  }
}

}  // namespace hoptrail::collector::engine
