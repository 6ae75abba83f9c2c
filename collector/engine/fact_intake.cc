#include "collector/engine/fact_intake.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <type_traits>
#include <variant>
#include <vector>

#include "absl/algorithm/container.h"

#include "collector/engine/drives.h"
#include "collector/engine/hop_links.h"
#include "core/config/rule_sides.h"
#include "core/graph/merge.h"
#include "core/model/title.h"

namespace hoptrail::collector::engine {
namespace {

// Bounds the causes that sessions name and no host has reported.
constexpr size_t kMaxWaiting = 100'000;

}  // namespace

void FactIntake::Take(const model::Fact& fact) {
  std::visit(
      [this](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, model::Session>) {
          if (HasItsOwnId(value)) {
            TakeSession(value);
          } else {
            state_->Refuse(value.host, RefusalReason::kSessionId);
          }
        } else if constexpr (std::is_same_v<T, model::HopEnd>) {
          TakeHopEnd(value);
        } else if constexpr (std::is_same_v<T, model::Detection>) {
          TakeDetection(value);
        } else if constexpr (std::is_same_v<T, model::AgentHealth>) {
          state_->SetHostName(value.host, value.host_name);
          joiner_->SetAddresses(value.host, value.addresses);
          state_->origins.NoteHealth(value, state_->WallNow());
        } else if constexpr (std::is_same_v<T, model::EdgeCount>) {
          state_->origins.NoteEdge(value);
        } else if constexpr (std::is_same_v<T, model::Interference> ||
                             std::is_same_v<T, model::Loss>) {
          evaluator_->EvaluateTrouble(value.host, value);
        }
      },
      fact);
}

// Only a host's own agent can give a session an id, and gives each session one id. Drives are the
// engine's own.
bool FactIntake::HasItsOwnId(const model::Session& session) {
  return session.drives.empty() &&
         session.id == model::DeriveSessionId(session.host, session.first_process);
}

void FactIntake::TakeSession(const model::Session& session) {
  GraphState& graph_state = state_->graph;
  SessionNode& node = state_->Upsert(session.id, session.host);
  // The id proves the host: a session that another one has under it was stored before ids were
  // checked, and gives way.
  const bool first = !node.value.has_value() || node.host != session.host;
  const model::Session before = first ? model::Session{} : *node.value;
  if (first) {
    if (node.host != session.host) {  // another host named the session before its own host did
      graph_state.by_host[node.host].erase(session.id);
      graph_state.by_host[session.host].insert(session.id);
    }
    node.host = session.host;
    node.value = session;
  } else if (!graph::Merge(session, &*node.value)) {
    return;
  }
  node.updated_boot_ns = state_->BootNow();
  state_->changes.sessions.insert(session.id);
  if (first) {
    auto& ids = node.detections;
    ids.erase(std::remove_if(ids.begin(), ids.end(),
                             [&](const auto& id) {
                               return graph_state.detections.at(id).host != session.host;
                             }),
              ids.end());
    // The session's host decides which links are valid.
    const absl::btree_map<graph::HopId, EndNode> ends = node.ends;
    for (const auto& [key, end] : ends) LinkHop(end.hop, state_);
    state_->MarkSubtree(session.id);
    if (auto waiting = waiting_.extract(session.id); !waiting.empty()) {
      for (const model::SessionId& child : waiting.mapped()) OfferCause(child);
    }
  }
  OfferCause(session.id);
  RefreshDrives(session.id, state_);
  // All sessions that follow from this one show its user and its origin.
  if (node.value->user != before.user || node.value->entry != before.entry ||
      model::Title(*node.value) != model::Title(before)) {
    state_->MarkRetitled(session.id);
  } else {
    state_->changes.dirty_sessions.insert(session.id);
  }
  if (node.value->closed_wall_ns != 0) {
    state_->session_age.Add(node.updated_boot_ns + state_->options.retention_ns, session.id);
  }
}

void FactIntake::OfferCause(const model::SessionId& child) {
  const SessionNode* node = state_->graph.Find(child);
  if (node == nullptr || !node->value.has_value()) return;
  const model::Session& session = *node->value;
  std::vector<graph::Link> links;
  const auto offer = [&](const model::SessionId& cause, model::Proof proof, double probability) {
    if (cause.empty()) return;
    const SessionNode* parent = state_->graph.Find(cause);
    if (parent == nullptr || !parent->value.has_value()) {
      if (waiting_.size() < kMaxWaiting) waiting_[cause].insert(child);
      return;
    }
    // A host may name causes on itself only. Whoever wrote a file may have done so in an earlier
    // boot.
    if (parent->host.machine != session.host.machine) return;
    links.push_back({.parent = cause,
                     .kind = graph::LinkKind::kCause,
                     .proof = proof,
                     .probability = probability,
                     .order = session.opened_boot_ns});
  };
  offer(session.caused_by, model::Proof::kProven, 1);
  for (const model::Driver& driver : session.drivers) {
    offer(driver.session, model::Proof::kInferred, driver.probability);
  }
  state_->OfferParents(child, links);
}

void FactIntake::TakeHopEnd(const model::HopEnd& end) {
  if (end.side == model::HopSide::kUnknown || end.host.empty()) {
    state_->Refuse(end.host, RefusalReason::kIncomplete);
    return;
  }
  if (!end.session.empty() && state_->IsForeign(end.session, end.host)) {
    state_->Refuse(end.host, RefusalReason::kForeignSession);
  }
  const graph::HopId id = joiner_->Put(end, state_->BootNow());
  end_requests_->Note(id, end, state_->BootNow());
  TakeJoins();
}

void FactIntake::TakeJoins() { ApplyJoins(joiner_->TakeChanges(), state_); }

void FactIntake::TakeDetection(const model::Detection& detection) {
  if (const auto reason = ReasonToRefuse(detection); reason.has_value()) {
    state_->Refuse(detection.host, *reason);
    return;
  }
  state_->PutDetection(detection);
}

std::optional<RefusalReason> FactIntake::ReasonToRefuse(const model::Detection& detection) const {
  if (detection.session.empty()) return RefusalReason::kIncomplete;
  if (!config::IsHostRule(detection.rule)) return RefusalReason::kRuleOfNoAgent;
  if (detection.id !=
      model::DeriveDetectionId(detection.rule, detection.session, detection.occurrence)) {
    return RefusalReason::kDetectionId;
  }
  if (state_->IsForeign(detection.session, detection.host)) return RefusalReason::kForeignDetection;
  // Its session may not be in memory, and another host must not claim it first.
  const SessionNode* node = state_->graph.Find(detection.session);
  const bool known = node != nullptr && node->value.has_value();
  if (!known &&
      detection.session != model::DeriveSessionId(detection.host, detection.session_process)) {
    return RefusalReason::kForeignDetection;
  }
  return std::nullopt;
}

void FactIntake::Restore(const StoredState& stored) {
  for (const auto& [host, name] : stored.host_names) state_->SetHostName(host, name);
  for (const auto& [host, addresses] : stored.addresses) joiner_->SetAddresses(host, addresses);
  state_->origins.Restore(stored.address_history, stored.agent_starts, stored.addresses);
  for (const model::Session& session : stored.sessions) {
    if (session.drives.empty()) TakeSession(session);  // drives follow from the hops
  }
  absl::flat_hash_map<graph::HopId, const model::Hop*> hops;
  // Joined hops first: they stand against rival claims that are lone ends.
  std::vector<const StoredHop*> ordered;
  for (const StoredHop& hop : stored.hops) ordered.push_back(&hop);
  absl::c_stable_partition(ordered, [](const StoredHop* hop) { return hop->hop.joined(); });
  for (const StoredHop* each : ordered) {
    const StoredHop& hop = *each;
    hops[hop.key] = &hop.hop;
    joiner_->Restore(hop.hop, state_->BootNow());
  }
  TakeJoins();
  for (const model::Detection& detection : stored.detections) state_->PutDetection(detection);
  Changes& changes = state_->changes;
  for (const model::Incident& incident : stored.incidents) {
    state_->incidents.Restore(incident);
    const model::SessionId anchor = IncidentRegistry::AnchorOf(incident);
    if (state_->graph.Find(anchor) != nullptr) changes.dirty_sessions.insert(anchor);
  }
  changes.escalated.clear();
  changes.sessions.clear();
  changes.detections.clear();
  changes.clock_offsets.clear();
  for (auto it = changes.hops.begin(); it != changes.hops.end();) {
    auto same = hops.find(it->first);
    const bool known = same != hops.end() && it->second == *same->second;
    it = known ? changes.hops.erase(it) : std::next(it);
  }
  for (auto it = changes.removed_hops.begin(); it != changes.removed_hops.end();) {
    it = hops.contains(*it) ? std::next(it) : changes.removed_hops.erase(it);
  }
  for (const auto& [id, node] : state_->graph.sessions) {
    changes.dirty_sessions.insert(id);
    changes.retitled_sessions.insert(id);
  }
}

}  // namespace hoptrail::collector::engine
