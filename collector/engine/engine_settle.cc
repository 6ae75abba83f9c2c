// Deriving what follows from what was taken in, and telling it: the engine's second step.

#include <algorithm>
#include <iterator>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "collector/engine/engine_impl.h"
#include "core/detect/evidence.h"
#include "core/model/title.h"

namespace hoptrail::collector::path {
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
    if (world_.Entered(id)) dirty_trees_.insert(world_.lineage.Root(id));
  }
  relabelled_.clear();
  for (const model::SessionId& id : sessions) SettleSession(id);
  // A tree that was judged may give a new home to an incident, never another tree to judge.
  while (!dirty_trees_.empty()) {
    absl::btree_set<model::SessionId> trees;
    trees.swap(dirty_trees_);
    for (const model::SessionId& root : trees) SettleTree(root);
  }
  grown_.clear();
  if (outcome == nullptr) {
    provenance_.clear();
    return;
  }
  Tell(outcome);
}

void Engine::Impl::Place(const model::SessionId& id) {
  const SessionNode* node = world_.Find(id);
  if (node == nullptr) return;
  TreeIndex::Entry entry;
  entry.root = world_.lineage.Root(id);
  entry.depth = world_.lineage.Depth(id);
  entry.opened_wall_ns = node->value.has_value() ? node->value->opened_wall_ns : 0;
  entry.reached = entry.depth > 0 && world_.Entered(id);
  entry.detected = !node->detections.empty();
  entry.home = incidents_.IsHome(id);
  for (const model::SessionId& root : trees_.Set(id, entry)) dirty_trees_.insert(root);

  const graph::Link* link = world_.lineage.Parent(id);
  if (!entry.reached || link == nullptr || link->kind != graph::LinkKind::kHop) return;
  const detect::KnownEdges::Edge edge = world_.EdgeOf(*link, id);
  if (edge.user.empty()) return;
  if (auto replaced = world_.edges.Learn(edge, id, entry.opened_wall_ns)) {
    dirty_trees_.insert(world_.lineage.Root(*replaced));
  }
}

void Engine::Impl::SettleSession(const model::SessionId& id) {
  const SessionNode* node = world_.Find(id);
  if (node == nullptr || !node->value.has_value()) return;
  TellProvenance(id);
  for (const model::Detection& detection : judge_->JudgeSession(id)) PutDetection(detection);
}

void Engine::Impl::TellProvenance(const model::SessionId& id) {
  SessionNode& node = world_.sessions.at(id);
  if (node.value->closed_wall_ns != 0) return;
  if (world_.lineage.Parent(id) == nullptr && node.provenance == 0) return;
  model::Provenance provenance = world_.ProvenanceOf(id);
  const size_t hash = Hash(provenance);
  if (hash == node.provenance) return;
  node.provenance = hash;
  provenance_[id] = std::move(provenance);
}

void Engine::Impl::SettleTree(const model::SessionId& root) {
  const TreeIndex::Tree* tree = trees_.Find(root);
  if (tree == nullptr || world_.lineage.Root(root) != root) return;
  for (const model::Detection& detection : judge_->JudgeTree(root, *tree)) PutDetection(detection);
  tree = trees_.Find(root);
  dirty_trees_.erase(root);  // what its own detections changed is looked at below
  if (tree == nullptr) return;
  if (tree->detected.empty() && tree->homes.empty()) return;

  IncidentBook::PathState path;
  path.root = root;
  path.homes.assign(tree->homes.begin(), tree->homes.end());
  std::vector<model::SessionId> must;
  for (const model::SessionId& session : tree->detected) {
    bool stands = false;
    for (const model::DetectionId& id : world_.Find(session)->detections) {
      const model::Detection& detection = world_.detections.at(id);
      if (FleetJudge::IsWithdrawn(detection)) continue;
      path.detections.push_back(&detection);
      stands = true;
    }
    if (stands) must.push_back(session);
  }
  std::sort(path.detections.begin(), path.detections.end(), [](const auto* a, const auto* b) {
    return std::tie(a->wall_ns, a->id) < std::tie(b->wall_ns, b->id);
  });
  // A list that is full stays as it is until something more is detected.
  const model::Incident* full = incidents_.Surviving(path.homes);
  if (full != nullptr && path.homes.size() == 1 && full->root == root &&
      full->sessions.size() >= kMaxPathSteps && changed_detections_.empty()) {
    return;
  }
  if (path.homes.empty()) {
    const bool opens =
        std::any_of(path.detections.begin(), path.detections.end(),
                    [this](const auto* d) { return d->severity >= options_.minimum_severity; });
    if (!opens) return;
  }
  bool truncated = false;
  path.sessions = world_.Tree(root, must, kMaxPathSteps, &truncated);
  path.title = TitleOf(root, *tree, path.sessions);
  incidents_.Update(path, grown_, WallNow());
  for (const model::SessionId& home : incidents_.TakeNewHomes()) Place(home);
  dirty_trees_.erase(root);
}

std::string Engine::Impl::TitleOf(const model::SessionId& root, const TreeIndex::Tree& tree,
                                  const std::vector<model::SessionId>& sessions) const {
  const detect::PathView main =
      world_.View(tree.reached.empty() ? root : tree.reached.begin()->session);
  const detect::Step& first = main.front();
  absl::flat_hash_set<model::HostId> shown;
  std::vector<std::string> hosts;
  for (size_t i = 0; i < main.size(); ++i) {
    shown.insert(main[i].host);
    if (i > 0 && main[i].host == main[i - 1].host && !main[i].by_hop) continue;
    hosts.push_back(detect::HostLabel(main[i]));
  }
  if (hosts.size() > kMaxTitleHosts) {
    hosts.erase(hosts.begin() + kMaxTitleHosts / 2, hosts.end() - kMaxTitleHosts / 2);
    hosts.insert(hosts.begin() + kMaxTitleHosts / 2, "…");
  }
  absl::flat_hash_set<model::HostId> others;
  for (const model::SessionId& id : sessions) {
    const SessionNode* other = world_.Find(id);
    if (other != nullptr && !shown.contains(other->host)) others.insert(other->host);
  }
  return hoptrail::detect::Bounded(
      absl::StrCat(first.title.empty() ? model::kUntoldSession : first.title,
                   first.origin.empty() ? "" : absl::StrCat(" from ", first.origin), ": ",
                   absl::StrJoin(hosts, " → "),
                   others.empty() ? "" : absl::StrCat(" and ", others.size(), " more")),
      kMaxTitleBytes);
}

void Engine::Impl::Tell(Outcome* outcome) {
  for (const model::SessionId& id : changed_sessions_) {
    const SessionNode* node = world_.Find(id);
    if (node != nullptr && node->value.has_value()) outcome->sessions.push_back(*node->value);
  }
  for (const graph::HopKey& key : removed_hops_) {
    outcome->removed_hops.push_back(key);
    // An earlier call may have put it into the same outcome.
    outcome->hops.erase(std::remove_if(outcome->hops.begin(), outcome->hops.end(),
                                       [&](const StoredHop& hop) { return hop.key == key; }),
                        outcome->hops.end());
  }
  for (const graph::HopKey& key : changed_hops_) {
    if (auto hop = world_.joiner.Find(key)) outcome->hops.push_back({key, *std::move(hop)});
  }
  for (const model::DetectionId& id : changed_detections_) {
    auto it = world_.detections.find(id);
    if (it != world_.detections.end()) outcome->detections.push_back(it->second);
  }
  for (const model::IncidentId& id : incidents_.TakeChanged()) {
    outcome->incidents.push_back(*incidents_.Find(id));
  }
  for (auto& [id, provenance] : provenance_) {
    const SessionNode* node = world_.Find(id);
    if (node != nullptr) outcome->provenance.emplace_back(node->host, std::move(provenance));
  }
  TellClocks(outcome);
  changed_sessions_.clear();
  removed_hops_.clear();
  changed_hops_.clear();
  changed_detections_.clear();
  provenance_.clear();
}

void Engine::Impl::TellClocks(Outcome* outcome) {
  join::ClockOffsets& clocks = world_.joiner.wall_clocks();
  for (const model::HostId& host : clocks.TakeChanged()) {
    if (auto offset = clocks.Of(host)) {
      outcome->clock_offsets.push_back(
          {host, offset->reference, offset->offset_ns, offset->samples});
    }
  }
}

}  // namespace hoptrail::collector::path
