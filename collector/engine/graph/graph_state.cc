#include "collector/engine/graph/graph_state.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

#include "core/base/path.h"
#include "core/model/title.h"

namespace hoptrail::collector::engine {
namespace {

constexpr size_t kMaxProvenanceLabels = 32;

// Whether the session's user is the identity behind it. Nobody had to prove the user of a service
// or of a timer, and whoever drives a session is not its user.
bool HasProvenUser(const model::Session& session) {
  if (!session.drives.empty()) return false;
  switch (session.kind) {
    case model::EntryKind::kService:
    case model::EntryKind::kContainer:
      return false;
    case model::EntryKind::kCron:
      return !absl::EndsWith(session.unit, ".service");
    default:
      return true;
  }
}

}  // namespace

const SessionNode* GraphState::Find(const model::SessionId& id) const {
  auto it = sessions.find(id);
  return it == sessions.end() ? nullptr : &it->second;
}

bool GraphState::Entered(const model::SessionId& id) const {
  if (lineage.HasChildren(id)) return true;
  const SessionNode* node = Find(id);
  if (node == nullptr || !node->value.has_value()) return false;
  if (!node->value->drives.empty()) return !node->detections.empty();
  const model::EntryKind kind = node->value->kind;
  return node->value->logged_in ||
         (kind != model::EntryKind::kRemote && kind != model::EntryKind::kUnknown);
}

std::optional<int64_t> GraphState::ClockDifference(const model::HostId& a,
                                                   const model::HostId& b) const {
  if (a == b) return 0;
  auto x = clocks.find(a);
  auto y = clocks.find(b);
  if (x == clocks.end() || y == clocks.end() || x->second.reference != y->second.reference) {
    return std::nullopt;
  }
  return y->second.offset_ns - x->second.offset_ns;
}

KnownEdges::Edge GraphState::EdgeOf(const graph::Link& link, const model::SessionId& child) const {
  KnownEdges::Edge edge;
  if (const SessionNode* parent = Find(link.parent)) edge.from = parent->host.machine;
  if (const SessionNode* node = Find(child)) {
    edge.to = node->host.machine;
    if (node->value.has_value()) edge.user = node->value->user;
  }
  return edge;
}

Step GraphState::StepOf(const model::SessionId& id) const {
  return StepOf(id, lineage.Root(id), lineage.Depth(id));
}

Step GraphState::StepOf(const model::SessionId& id, const model::SessionId& root,
                        uint32_t depth) const {
  Step step;
  step.session = id;
  step.depth = depth;
  if (const SessionNode* node = Find(id)) {
    step.host = node->host;
    step.host_name = HostName(node->host);
    step.disputed_ends = node->disputed;
    if (node->value.has_value()) {
      const model::Session& session = *node->value;
      step.title = model::Title(session);
      if (HasProvenUser(session)) step.user = session.user;
      step.method = session.authentication.method;
      step.authenticated = session.authentication.method != model::AuthMethod::kUnknown ||
                           !session.authentication.service.empty();
      step.key_fingerprint = session.authentication.key_fingerprint;
      step.opened_wall_ns = session.opened_wall_ns;
      if (session.entry.has_value()) {
        step.origin = model::ToString(session.entry->flow.client.address);
      }
    }
  }
  const graph::Link* link = lineage.Parent(id);
  if (link == nullptr) return step;
  step.origin.clear();
  step.by_hop = link->kind == graph::LinkKind::kHop;
  step.proof = link->proof;
  step.probability = link->probability;
  if (step.by_hop) {
    const model::SessionId first = edges.First(EdgeOf(*link, id));
    step.new_edge = !first.empty() && (first == id || lineage.Root(first) == root);
  }
  return step;
}

std::string GraphState::LabelOf(const model::SessionId& id) const {
  Step step;
  if (const SessionNode* node = Find(id)) {
    step.host = node->host;
    step.host_name = HostName(node->host);
    if (node->value.has_value()) step.title = model::Title(*node->value);
  }
  return Label(step);
}

PathView GraphState::View(const model::SessionId& id) const {
  PathView view;
  const std::vector<model::SessionId> ancestry = lineage.Ancestry(id, graph::Lineage::kMaxPath);
  uint32_t depth = 0;
  for (const model::SessionId& session : ancestry) {
    if (!view.empty() && lineage.Parent(session)->kind == graph::LinkKind::kHop) ++depth;
    Step step = StepOf(session, ancestry.front(), depth);
    // The user of a session is also behind the sessions that it causes on its host.
    if (step.user.empty() && !step.by_hop && !view.empty()) step.user = view.back().user;
    view.push_back(std::move(step));
  }
  return view;
}

model::Provenance GraphState::ProvenanceOf(const model::SessionId& id) const {
  const std::vector<model::SessionId> ancestry = lineage.Ancestry(id, graph::Lineage::kMaxPath);
  model::Provenance provenance;
  provenance.session = id;
  provenance.root = ancestry.front();
  if (const SessionNode* root = Find(provenance.root); root != nullptr) {
    provenance.root_host = root->host;
    provenance.root_host_name = HostName(root->host);
    if (root->value.has_value()) provenance.root_user = root->value->user;
  }
  provenance.proven = true;
  for (size_t i = 0; i < ancestry.size(); ++i) {
    const graph::Link* link = i == 0 ? nullptr : lineage.Parent(ancestry[i]);
    if (link != nullptr) {
      if (link->kind == graph::LinkKind::kHop) ++provenance.depth;
      provenance.proven = provenance.proven && link->proof == model::Proof::kProven;
    }
    // A path that is too long keeps its beginning and the session itself.
    if (i + 1 < kMaxProvenanceLabels || i + 1 == ancestry.size()) {
      provenance.path.push_back(LabelOf(ancestry[i]));
    }
  }
  return provenance;
}

std::optional<graph::HopId> GraphState::EntryOf(const model::SessionId& root) const {
  const SessionNode* node = Find(root);
  if (node == nullptr) return std::nullopt;
  std::optional<std::tuple<bool, uint64_t, graph::HopId>> best;
  for (const auto& [key, end] : node->ends) {
    if (!end.opened) continue;
    const bool other = !node->value.has_value() || !node->value->entry.has_value() ||
                       node->value->entry->hop_key != end.hop_key;
    const std::tuple<bool, uint64_t, graph::HopId> candidate{other, end.established_boot_ns,
                                                             end.hop};
    if (!best.has_value() || candidate < *best) best = candidate;
  }
  if (!best.has_value()) return std::nullopt;
  return std::get<2>(*best);
}

std::string GraphState::CauseOf(const model::SessionId& id) const {
  const SessionNode* node = Find(id);
  if (node == nullptr || !node->value.has_value()) return "process";
  const graph::Link* link = lineage.Parent(id);
  for (const model::Driver& driver : node->value->drivers) {
    if (link != nullptr && link->parent == driver.session) return driver.method;
  }
  if (!node->value->drives.empty()) return "a connection";
  switch (node->value->kind) {
    case model::EntryKind::kCron:
      return "cron";
    case model::EntryKind::kContainer:
      return "container";
    default:
      break;
  }
  const std::string program(BaseName(node->value->program));
  return program.empty() ? "process" : program;
}

std::vector<model::SessionId> GraphState::Tree(const model::SessionId& root,
                                               const std::vector<model::SessionId>& must,
                                               size_t max, bool* truncated) const {
  absl::flat_hash_set<model::SessionId> keep = {root};
  *truncated = false;
  for (const model::SessionId& id : must) {
    if (keep.contains(id)) continue;
    if (keep.size() >= max) {
      *truncated = true;
      break;
    }
    const std::vector<model::SessionId> ancestry = lineage.Ancestry(id, max);
    const auto added = std::count_if(ancestry.begin(), ancestry.end(),
                                     [&](const auto& step) { return !keep.contains(step); });
    if (ancestry.front() != root || keep.size() + static_cast<size_t>(added) > max) {
      *truncated = true;
      continue;
    }
    keep.insert(ancestry.begin(), ancestry.end());
  }
  size_t room = max - std::min(max, keep.size());
  size_t visits = 4 * max;  // bounds the mere connections that are skipped
  std::vector<model::SessionId> tree;
  std::vector<model::SessionId> pending = {root};
  while (!pending.empty()) {
    const model::SessionId id = pending.back();
    pending.pop_back();
    tree.push_back(id);
    std::vector<model::SessionId> next;
    for (const model::SessionId& child : lineage.Children(id, visits)) {
      if (visits > 0) visits--;
      if (keep.contains(child)) {
        next.push_back(child);
        keep.erase(child);
      } else if (Entered(child)) {
        if (room == 0) {
          *truncated = true;
          continue;
        }
        room--;
        next.push_back(child);
      }
    }
    pending.insert(pending.end(), next.rbegin(), next.rend());
  }
  // The visits may have ended before some sessions of `must`: add them, each after its parent.
  for (const model::SessionId& id : must) {
    if (!keep.contains(id)) continue;
    for (const model::SessionId& step : lineage.Ancestry(id, max)) {
      if (step != root && keep.erase(step) > 0) tree.push_back(step);
    }
  }
  return tree;
}

}  // namespace hoptrail::collector::engine
