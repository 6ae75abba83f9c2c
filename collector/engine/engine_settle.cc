// Deriving what follows from what was taken in, and telling it: the engine's second step.

#include <algorithm>
#include <iterator>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "collector/engine/engine_impl.h"
#include "core/detect/evidence.h"
#include "core/model/title.h"

namespace hoptrail::collector::engine {
namespace {

constexpr size_t kMaxTitleHosts = 8;
constexpr size_t kMaxTitleBytes = 300;

size_t Hash(const model::Provenance& p) {
  const size_t hash =
      absl::HashOf(p.root, p.root_host, p.root_host_name, p.root_user, p.depth, p.path, p.proven);
  return hash == 0 ? 1 : hash;
}

}  // namespace

void Engine::Impl::Settle(Outcome* outcome) {
  // Places first: whether a way is new, and which sessions a path has, depends on all of them.
  absl::btree_set<model::SessionId> sessions;
  sessions.swap(dirty_sessions_);
  for (const model::SessionId& id : sessions) Place(id);
  for (const model::SessionId& id : relabelled_) {
    if (graph_.Entered(id)) dirty_trees_.insert(graph_.lineage.Root(id));
  }
  relabelled_.clear();
  for (const model::SessionId& id : sessions) SettleSession(id);
  // A tree that was judged may give a new anchor to an incident, never another tree to judge.
  while (!dirty_trees_.empty()) {
    absl::btree_set<model::SessionId> trees;
    trees.swap(dirty_trees_);
    for (const model::SessionId& root : trees) SettleTree(root);
  }
  escalated_.clear();
  if (outcome == nullptr) {
    provenance_.clear();
    return;
  }
  Emit(outcome);
}

void Engine::Impl::Place(const model::SessionId& id) {
  const SessionNode* node = graph_.Find(id);
  if (node == nullptr) return;
  TreeIndex::Entry entry;
  entry.root = graph_.lineage.Root(id);
  entry.depth = graph_.lineage.Depth(id);
  entry.opened_wall_ns = node->value.has_value() ? node->value->opened_wall_ns : 0;
  entry.reached = entry.depth > 0 && graph_.Entered(id);
  entry.detected = !node->detections.empty();
  entry.anchor = incidents_.IsAnchor(id);
  for (const model::SessionId& root : trees_.Set(id, entry)) dirty_trees_.insert(root);

  const graph::Link* link = graph_.lineage.Parent(id);
  if (!entry.reached || link == nullptr || link->kind != graph::LinkKind::kHop) return;
  const KnownEdges::Edge edge = graph_.EdgeOf(*link, id);
  if (edge.user.empty()) return;
  if (auto replaced = graph_.edges.Learn(edge, id, entry.opened_wall_ns)) {
    dirty_trees_.insert(graph_.lineage.Root(*replaced));
  }
}

void Engine::Impl::SettleSession(const model::SessionId& id) {
  const SessionNode* node = graph_.Find(id);
  if (node == nullptr || !node->value.has_value()) return;
  EmitProvenance(id);
  std::optional<SessionChange> change;
  if (graph_.Entered(id) && rules_->Wants(rules::kSessions))
    change = SessionChange{graph_.View(id)};
  const auto find = [this](const model::DetectionId& detection) {
    return FindDetection(detection);
  };
  for (const model::Detection& detection :
       rules_->OnSession(id, change.has_value() ? &*change : nullptr, find)) {
    PutDetection(detection);
  }
}

void Engine::Impl::EmitProvenance(const model::SessionId& id) {
  SessionNode& node = graph_.sessions.at(id);
  if (node.value->closed_wall_ns != 0) return;
  if (graph_.lineage.Parent(id) == nullptr && node.provenance == 0) return;
  model::Provenance provenance = graph_.ProvenanceOf(id);
  const size_t hash = Hash(provenance);
  if (hash == node.provenance) return;
  node.provenance = hash;
  provenance_[id] = std::move(provenance);
}

const model::Detection* Engine::Impl::FindDetection(const model::DetectionId& id) const {
  auto it = graph_.detections.find(id);
  return it == graph_.detections.end() ? nullptr : &it->second;
}

void Engine::Impl::JudgePath(const model::SessionId& root, const TreeIndex::Tree& tree) {
  PathExtent extent{.reached = tree.reached.size()};
  if (!tree.reached.empty()) extent.depth = tree.reached.begin()->depth;
  std::vector<const model::Detection*> standing;
  for (const model::SessionId& session : tree.detected) {
    for (const model::DetectionId& id : graph_.Find(session)->detections) {
      standing.push_back(&graph_.detections.at(id));
    }
  }
  const auto read = [&] { return ReadPath(root, tree); };
  const auto find = [this](const model::DetectionId& id) { return FindDetection(id); };
  for (const model::Detection& detection : rules_->OnPath(extent, read, standing, find)) {
    PutDetection(detection);
  }
}

PathChange Engine::Impl::ReadPath(const model::SessionId& root, const TreeIndex::Tree& tree) const {
  PathChange change;
  change.root = graph_.StepOf(root);
  change.deepest = graph_.View(tree.reached.empty() ? root : tree.reached.begin()->session);
  change.arrivals.reserve(tree.reached.size());
  for (const TreeIndex::Deepest& reached : tree.reached) {
    const SessionNode* node = graph_.Find(reached.session);
    if (node == nullptr) continue;
    const int64_t ahead = graph_.ClockDifference(change.root.host, node->host).value_or(0);
    change.arrivals.push_back(
        {reached.opened_wall_ns - ahead, node->host, graph_.HostName(node->host)});
  }
  return change;
}

void Engine::Impl::SettleTree(const model::SessionId& root) {
  const TreeIndex::Tree* tree = trees_.Find(root);
  if (tree == nullptr || graph_.lineage.Root(root) != root) return;
  JudgePath(root, *tree);
  tree = trees_.Find(root);
  dirty_trees_.erase(root);  // what its own detections changed is looked at below
  if (tree == nullptr) return;
  if (tree->detected.empty() && tree->anchors.empty()) return;

  IncidentRegistry::PathState path;
  path.root = root;
  path.anchors.assign(tree->anchors.begin(), tree->anchors.end());
  std::vector<model::SessionId> must;
  for (const model::SessionId& session : tree->detected) {
    bool stands = false;
    for (const model::DetectionId& id : graph_.Find(session)->detections) {
      const model::Detection& detection = graph_.detections.at(id);
      if (rules::RuleRunner::IsWithdrawn(detection)) continue;
      path.detections.push_back(&detection);
      stands = true;
    }
    if (stands) must.push_back(session);
  }
  std::sort(path.detections.begin(), path.detections.end(), [](const auto* a, const auto* b) {
    return std::tie(a->wall_ns, a->id) < std::tie(b->wall_ns, b->id);
  });
  // A list that is full stays as it is until something more is detected.
  const model::Incident* full = incidents_.Surviving(path.anchors);
  if (full != nullptr && path.anchors.size() == 1 && full->root == root &&
      full->sessions.size() >= kMaxPathSteps && changed_detections_.empty()) {
    return;
  }
  if (path.anchors.empty()) {
    const bool opens =
        std::any_of(path.detections.begin(), path.detections.end(),
                    [this](const auto* d) { return d->severity >= options_.minimum_severity; });
    if (!opens) return;
  }
  bool truncated = false;
  path.sessions = graph_.Tree(root, must, kMaxPathSteps, &truncated);
  path.title = TitleOf(root, *tree, path.sessions);
  incidents_.Update(path, escalated_, WallNow());
  for (const model::SessionId& anchor : incidents_.TakeNewAnchors()) Place(anchor);
  dirty_trees_.erase(root);
}

std::string Engine::Impl::TitleOf(const model::SessionId& root, const TreeIndex::Tree& tree,
                                  const std::vector<model::SessionId>& sessions) const {
  const PathView main = graph_.View(tree.reached.empty() ? root : tree.reached.begin()->session);
  const Step& first = main.front();
  absl::flat_hash_set<model::HostId> shown;
  std::vector<std::string> hosts;
  for (size_t i = 0; i < main.size(); ++i) {
    shown.insert(main[i].host);
    if (i > 0 && main[i].host == main[i - 1].host && !main[i].by_hop) continue;
    hosts.push_back(HostLabel(main[i]));
  }
  if (hosts.size() > kMaxTitleHosts) {
    hosts.erase(hosts.begin() + kMaxTitleHosts / 2, hosts.end() - kMaxTitleHosts / 2);
    hosts.insert(hosts.begin() + kMaxTitleHosts / 2, "…");
  }
  absl::flat_hash_set<model::HostId> others;
  for (const model::SessionId& id : sessions) {
    const SessionNode* other = graph_.Find(id);
    if (other != nullptr && !shown.contains(other->host)) others.insert(other->host);
  }
  return hoptrail::detect::Bounded(
      absl::StrCat(first.title.empty() ? model::kUntoldSession : first.title,
                   first.origin.empty() ? "" : absl::StrCat(" from ", first.origin), ": ",
                   absl::StrJoin(hosts, " → "),
                   others.empty() ? "" : absl::StrCat(" and ", others.size(), " more")),
      kMaxTitleBytes);
}

void Engine::Impl::Emit(Outcome* outcome) {
  for (const model::SessionId& id : changed_sessions_) {
    const SessionNode* node = graph_.Find(id);
    if (node != nullptr && node->value.has_value()) outcome->sessions.push_back(*node->value);
  }
  for (const graph::HopId& key : removed_hops_) {
    outcome->removed_hops.push_back(key);
    // An earlier call may have put it into the same outcome.
    outcome->hops.erase(std::remove_if(outcome->hops.begin(), outcome->hops.end(),
                                       [&](const StoredHop& hop) { return hop.key == key; }),
                        outcome->hops.end());
  }
  for (auto& [key, hop] : changed_hops_) outcome->hops.push_back({key, std::move(hop)});
  for (const model::DetectionId& id : changed_detections_) {
    auto it = graph_.detections.find(id);
    if (it != graph_.detections.end()) outcome->detections.push_back(it->second);
  }
  for (const model::IncidentId& id : incidents_.TakeChanged()) {
    outcome->incidents.push_back(*incidents_.Find(id));
  }
  for (auto& [id, provenance] : provenance_) {
    const SessionNode* node = graph_.Find(id);
    if (node != nullptr) outcome->provenance.emplace_back(node->host, std::move(provenance));
  }
  for (const auto& [host, clock] : changed_clocks_) outcome->clock_offsets.push_back(clock);
  changed_clocks_.clear();
  changed_sessions_.clear();
  removed_hops_.clear();
  changed_hops_.clear();
  changed_detections_.clear();
  provenance_.clear();
}

}  // namespace hoptrail::collector::engine
