#include "collector/engine/evaluator.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"

#include "collector/engine/incident_title.h"
#include "collector/engine/path_reader.h"
#include "collector/engine/preceding.h"
#include "collector/engine/values/outcome.h"
#include "core/model/title.h"
#include "core/model/unmonitored.h"

namespace hoptrail::collector::engine {
namespace {

// Never 0, which means that none was sent.
size_t Hash(const model::Provenance& p) {
  const size_t hash =
      absl::HashOf(p.root, p.root_host, p.root_host_name, p.root_user, p.depth, p.path, p.proven);
  return hash == 0 ? 1 : hash;
}

constexpr char kFloodRule[] = "claim-flood";
constexpr int64_t kFloodEveryNs = int64_t{3600} * 1'000'000'000;

// When the trouble was, by the clock of the side that saw it.
int64_t WallOf(const AgentTroubleKind& what, int64_t now_wall_ns) {
  if (const auto* loss = std::get_if<model::Loss>(&what)) return loss->until_wall_ns;
  if (const auto* each = std::get_if<model::Interference>(&what)) return each->wall_ns;
  if (const auto* silence = std::get_if<AgentSilence>(&what)) return silence->wall_ns;
  if (const auto* agent_return = std::get_if<AgentReturn>(&what)) return agent_return->wall_ns;
  return now_wall_ns;
}

}  // namespace

void Evaluator::SetRules(const v1::FleetRulesConfig& config) {
  rules_ = rules::RuleRunner(config);
  for (const auto& [id, node] : state_->graph.sessions) {
    state_->changes.dirty_sessions.insert(id);
    state_->changes.retitled_sessions.insert(id);
    if (node.detections.empty()) continue;
    state_->changes.dirty_trees.insert(state_->graph.lineage.Root(id));
  }
}

void Evaluator::Settle(size_t most_steps) {
  Changes& changes = state_->changes;
  const GraphState& graph_state = state_->graph;
  // Index all sessions first: the extent of a path and the novelty of its edges depend on all of
  // them.
  IndexDirty();
  for (const model::SessionId& id : changes.retitled_sessions) {
    if (graph_state.Entered(id)) changes.dirty_trees.insert(graph_state.lineage.Root(id));
  }
  changes.retitled_sessions.clear();
  auto next = changes.unevaluated.begin();
  for (size_t steps = 0; steps < most_steps && next != changes.unevaluated.end(); ++next) {
    SettleSession(*next);
    steps += graph_state.lineage.PathLength(*next);
  }
  changes.unevaluated.erase(changes.unevaluated.begin(), next);
  // Settling a tree may give an incident a new anchor, but never makes another tree dirty.
  while (!changes.dirty_trees.empty()) {
    absl::btree_set<model::SessionId> trees;
    trees.swap(changes.dirty_trees);
    for (const model::SessionId& root : trees) SettleTree(root);
  }
  changes.escalated.clear();
}

// Visits each session once, however many of its ancestors have changed.
void Evaluator::IndexDirty() {
  Changes& changes = state_->changes;
  absl::flat_hash_set<model::SessionId> visited;
  for (const model::SessionId& top : changes.dirty_subtrees) {
    state_->graph.lineage.ForSubtree(
        top, [&](const model::SessionId& id, const model::SessionId& root, uint32_t depth) {
          if (!visited.insert(id).second) return false;
          state_->Index(id, root, depth);
          changes.unevaluated.insert(id);
          return true;
        });
  }
  changes.dirty_subtrees.clear();
  for (const model::SessionId& id : changes.dirty_sessions) {
    if (!visited.contains(id)) state_->Index(id);
    changes.unevaluated.insert(id);
  }
  changes.dirty_sessions.clear();
}

void Evaluator::SettleSession(const model::SessionId& id) {
  const SessionNode* node = state_->graph.Find(id);
  if (node == nullptr || !node->value.has_value()) return;
  UpdateProvenance(id);
  std::optional<SessionChange> change;
  if (state_->graph.Entered(id) && rules_.Wants(rules::kSessions)) {
    change = SessionChange{state_->graph.View(id)};
    PathView& path = change->path;
    const bool entry_of_nobody =
        path.size() == 1 || model::UnmonitoredAddress(path[path.size() - 2].host).has_value();
    if (entry_of_nobody) origins_.Fill(id, &path.back());
  }
  const auto find = [this](const model::DetectionId& detection) {
    return state_->FindDetection(detection);
  };
  for (const model::Detection& detection :
       rules_.OnSession(id, change.has_value() ? &*change : nullptr, find)) {
    state_->PutDetection(detection);
  }
}

void Evaluator::UpdateProvenance(const model::SessionId& id) {
  SessionNode& node = state_->graph.sessions.at(id);
  // Its host does not know of a drive.
  if (node.value->closed_wall_ns != 0 || !node.value->drives.empty()) return;
  if (state_->graph.lineage.Parent(id) == nullptr && node.provenance == 0) return;
  model::Provenance provenance = state_->graph.ProvenanceOf(id);
  const size_t hash = Hash(provenance);
  if (hash == node.provenance) return;
  node.provenance = hash;
  state_->changes.provenance[id] = std::move(provenance);
}

void Evaluator::SettleTree(const model::SessionId& root) {
  const TreeIndex::Tree* tree = state_->trees.Find(root);
  if (tree == nullptr || state_->graph.lineage.Root(root) != root) return;
  EvaluatePath(root, *tree);
  tree = state_->trees.Find(root);
  // The path's own detections made it dirty. UpdateIncident reads them.
  state_->changes.dirty_trees.erase(root);
  if (tree != nullptr) UpdateIncident(root, *tree);
}

void Evaluator::EvaluatePath(const model::SessionId& root, const TreeIndex::Tree& tree) {
  PathExtent extent{.reached = tree.reached.size()};
  if (!tree.reached.empty()) extent.depth = tree.reached.begin()->depth;
  std::vector<const model::Detection*> present;
  for (const model::SessionId& session : tree.detected) {
    for (const model::DetectionId& id : state_->graph.Find(session)->detections) {
      present.push_back(&state_->graph.detections.at(id));
    }
  }
  const auto read = [&] { return ReadPathChange(state_->graph, root, tree); };
  const auto find = [this](const model::DetectionId& id) { return state_->FindDetection(id); };
  for (const model::Detection& detection : rules_.OnPath(extent, read, present, find)) {
    state_->PutDetection(detection);
  }
}

void Evaluator::UpdateIncident(const model::SessionId& root, const TreeIndex::Tree& tree) {
  if (tree.detected.empty() && tree.anchors.empty()) return;
  IncidentRegistry::PathState path;
  path.root = root;
  path.anchors.assign(tree.anchors.begin(), tree.anchors.end());
  std::vector<model::SessionId> must;
  for (const model::SessionId& session : tree.detected) {
    bool counts = false;
    for (const model::DetectionId& id : state_->graph.Find(session)->detections) {
      const model::Detection& detection = state_->graph.detections.at(id);
      if (rules::RuleRunner::IsWithdrawn(detection)) continue;
      path.detections.push_back(&detection);
      counts = true;
    }
    if (counts) must.push_back(session);
  }
  std::sort(path.detections.begin(), path.detections.end(), [](const auto* a, const auto* b) {
    return std::tie(a->wall_ns, a->id) < std::tie(b->wall_ns, b->id);
  });
  // A full list of sessions changes only together with a detection.
  const model::Incident* full = state_->incidents.Surviving(path.anchors);
  if (full != nullptr && path.anchors.size() == 1 && full->root == root &&
      full->sessions.size() >= kMaxPathSteps && state_->changes.detections.empty()) {
    return;
  }
  if (path.anchors.empty() && !MayOpenIncident(path)) return;
  bool truncated = false;
  path.sessions = state_->graph.Tree(root, must, kMaxPathSteps, &truncated);
  path.title = IncidentTitle(state_->graph, root, tree, path.sessions);
  state_->incidents.Update(path, state_->changes.escalated, state_->WallNow());
  for (const model::SessionId& anchor : state_->incidents.TakeNewAnchors()) state_->Index(anchor);
  state_->changes.dirty_trees.erase(root);
}

bool Evaluator::MayOpenIncident(const IncidentRegistry::PathState& path) {
  const model::Detection* worst = nullptr;
  for (const model::Detection* detection : path.detections) {
    if (worst == nullptr || detection->severity > worst->severity) worst = detection;
  }
  if (worst == nullptr || worst->severity < state_->options.minimum_severity) return false;
  const bool flood = std::any_of(path.detections.begin(), path.detections.end(),
                                 [](const auto* d) { return d->rule == kFloodRule; });
  if (flood || state_->incident_budget.Take(worst->host.machine, state_->BootNow())) return true;
  state_->incident_budget.Wait(path.root);
  EvaluateFlood(worst->session, ClaimKind::kIncidents);
  return false;
}

void Evaluator::RetryWaitingIncidents() {
  descriptions_.ForgetFull(state_->BootNow());
  for (const model::SessionId& root : state_->incident_budget.TakeWaiting(state_->BootNow())) {
    state_->changes.dirty_trees.insert(state_->graph.lineage.Root(root));
  }
}

void Evaluator::EvaluateFlood(const model::SessionId& session, ClaimKind kind) {
  const SessionNode* node = state_->graph.Find(session);
  if (node == nullptr || !node->value.has_value()) return;
  int64_t& until = flooded_until_[{node->host.machine, kind}];
  if (state_->BootNow() < until) return;
  until = state_->BootNow() + kFloodEveryNs;
  if (!rules_.Wants(rules::kAgentTrouble)) return;
  RunTroubleRules({.what = ClaimFlood{kind}, .suspect = state_->graph.StepOf(session)}, nullptr);
}

void Evaluator::EvaluateTrouble(const model::HostId& host, const AgentTroubleKind& what) {
  if (!rules_.Wants(rules::kAgentTrouble)) return;
  const int64_t wall_ns = WallOf(what, state_->WallNow());
  const auto* goodbye = std::get_if<model::Goodbye>(&what);
  const Suspicion suspicion = FindSuspect(
      *state_, host, wall_ns, goodbye == nullptr ? model::SessionId() : goodbye->session);
  AgentTrouble trouble{.what = what,
                       .ground = suspicion.ground,
                       .suspect_is_login = suspicion.is_login,
                       .other_sessions = suspicion.others};
  if (descriptions_.Take(host.machine, state_->BootNow())) {
    trouble.before = ReadPreceding(*state_, host, wall_ns);
  } else {
    trouble.before.detection_lately = true;  // so much trouble is suspicious by itself
  }
  if (suspicion.suspect != nullptr) {
    trouble.suspect = state_->graph.StepOf(suspicion.suspect->value->id);
    RunTroubleRules(std::move(trouble), nullptr);
    return;
  }
  const model::Session stand_in = StandInFor(host, state_->WallNow());
  trouble.suspect = {.session = stand_in.id,
                     .host = host,
                     .host_name = state_->graph.HostName(host),
                     .title = model::Title(stand_in)};
  RunTroubleRules(std::move(trouble), &stand_in);
}

void Evaluator::RunTroubleRules(AgentTrouble trouble, const model::Session* stand_in) {
  trouble.wall_ns = state_->WallNow();
  for (const model::Detection& detection : rules_.OnAgentTrouble(trouble)) {
    if (stand_in != nullptr) state_->PutSession(*std::exchange(stand_in, nullptr));
    state_->PutDetection(detection);
  }
}

}  // namespace hoptrail::collector::engine
