#include "collector/engine/path_reader.h"

#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"

#include "core/graph/lineage.h"

namespace hoptrail::collector::engine {

namespace {

// Less likely ones are not shown.
constexpr double kLeastShown = 0.05;

std::vector<OtherCause> OtherCauses(const GraphState& graph_state, const model::SessionId& id) {
  std::vector<OtherCause> causes;
  for (const graph::Link& link : graph_state.lineage.OtherOffers(id)) {
    if (causes.size() == kMaxOtherCauses) break;
    if (link.probability < kLeastShown || graph_state.Find(link.parent) == nullptr) continue;
    causes.push_back({.session = link.parent,
                      .root = graph_state.lineage.Root(link.parent),
                      .proof = link.proof,
                      .probability = link.probability});
  }
  return causes;
}

}  // namespace

Path ReadPath(const GraphState& graph_state, const TreeIndex& trees,
              const model::SessionId& session) {
  Path path;
  if (graph_state.Find(session) == nullptr) return path;
  const model::SessionId root = graph_state.lineage.Root(session);
  std::vector<model::SessionId> must = {session};
  if (const TreeIndex::Tree* tree = trees.Find(root)) {
    must.insert(must.end(), tree->detected.begin(), tree->detected.end());
  }
  absl::flat_hash_map<model::SessionId, int32_t> index;
  path.proven = true;
  path.begins_earlier = graph_state.lineage.IsCut(root);
  for (const model::SessionId& id : graph_state.Tree(root, must, kMaxPathSteps, &path.truncated)) {
    PathStep step;
    step.session = id;
    step.depth = graph_state.lineage.Depth(id);
    const graph::Link* link = graph_state.lineage.Parent(id);
    if (link == nullptr) {
      step.hop = graph_state.EntryOf(id);
    } else if (link->kind == graph::LinkKind::kHop) {
      step.hop = link->hop;
    } else {
      step.link = graph_state.CauseOf(id);
    }
    if (link != nullptr) {
      path.proven = path.proven && link->proof == model::Proof::kProven;
      step.proof = link->proof;
      step.probability = link->probability;
      step.other_causes = OtherCauses(graph_state, id);
      auto parent = index.find(link->parent);
      step.parent = parent == index.end() ? 0 : parent->second;
    }
    index[id] = static_cast<int32_t>(path.steps.size());
    path.steps.push_back(std::move(step));
  }
  return path;
}

PathChange ReadPathChange(const GraphState& graph_state, const model::SessionId& root,
                          const TreeIndex::Tree& tree) {
  PathChange change;
  change.root = graph_state.StepOf(root);
  change.deepest = graph_state.View(tree.reached.empty() ? root : tree.reached.begin()->session);
  if (tree.reached.size() > kMaxArrivals) return change;
  change.arrivals.reserve(tree.reached.size());
  for (const TreeIndex::ReachedSession& reached : tree.reached) {
    const SessionNode* node = graph_state.Find(reached.session);
    if (node == nullptr) continue;
    const int64_t ahead = graph_state.ClockDifference(change.root.host, node->host).value_or(0);
    change.arrivals.push_back(
        {reached.opened_wall_ns - ahead, node->host, graph_state.HostName(node->host)});
  }
  return change;
}

std::vector<model::Provenance> ReadProvenance(const GraphState& graph_state,
                                              const model::HostId& host) {
  std::vector<model::Provenance> all;
  auto sessions = graph_state.by_host.find(host);
  if (sessions == graph_state.by_host.end()) return all;
  for (const model::SessionId& id : sessions->second) {
    const SessionNode& node = *graph_state.Find(id);
    if (node.value.has_value() && node.value->closed_wall_ns == 0 && node.provenance != 0) {
      all.push_back(graph_state.ProvenanceOf(id));
    }
  }
  return all;
}

}  // namespace hoptrail::collector::engine
