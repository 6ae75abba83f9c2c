// Taking in what hosts tell: the engine's first step.

#include <algorithm>
#include <type_traits>
#include <variant>

#include <google/protobuf/util/message_differencer.h>

#include "collector/engine/engine_impl.h"
#include "collector/rules/registry.h"
#include "core/config/rule_sides.h"
#include "core/graph/merge.h"
#include "core/model/title.h"

namespace hoptrail::collector::engine {
namespace {

// Further detections of one session are stored, but do not make its incident longer.
constexpr size_t kMaxDetectionsPerSession = 1000;
// Causes that were named and never told.
constexpr size_t kMaxWaiting = 100'000;

}  // namespace

Engine::Impl::Impl(EngineOptions options)
    : options_(options),
      joiner_({.grace_ns = options.join_grace_ns}),
      incidents_(options.minimum_severity),
      rules_(std::in_place, options.rules) {}

bool Engine::Impl::SetRules(const v1::FleetRulesConfig& rules, model::Severity minimum_severity) {
  if (minimum_severity == options_.minimum_severity &&
      google::protobuf::util::MessageDifferencer::Equals(rules, options_.rules)) {
    return false;
  }
  options_.rules = rules;
  options_.minimum_severity = minimum_severity;
  rules_.emplace(rules);
  incidents_.SetMinimum(minimum_severity);
  for (const auto& [id, node] : graph_.sessions) {
    dirty_sessions_.insert(id);
    relabelled_.insert(id);
    if (!node.detections.empty()) dirty_trees_.insert(graph_.lineage.Root(id));
  }
  return true;
}

void Engine::Impl::Take(const model::Fact& fact) {
  std::visit(
      [this](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, model::Session>) {
          ApplySession(value);
        } else if constexpr (std::is_same_v<T, model::HopEnd>) {
          ApplyHopEnd(value);
        } else if constexpr (std::is_same_v<T, model::Detection>) {
          ApplyDetection(value);
        } else if constexpr (std::is_same_v<T, model::AgentHealth>) {
          SetHostName(value.host, value.host_name);
        } else if constexpr (std::is_same_v<T, model::Interference> ||
                             std::is_same_v<T, model::Loss>) {
          JudgeTrouble(Suspect(value.host), {.what = value});
        }
      },
      fact);
}

void Engine::Impl::ApplySession(const model::Session& session) {
  if (session.id.empty()) {
    refused_++;
    return;
  }
  SessionNode& node = Node(session.id, session.host);
  const bool first = !node.value.has_value();
  const model::Session before = node.value.value_or(model::Session{});
  if (!first && node.host != session.host) {
    refused_++;
    return;
  }
  if (first) {
    if (node.host != session.host) {  // another host named it before its own did
      graph_.by_host[node.host].erase(session.id);
      graph_.by_host[session.host].insert(session.id);
    }
    node.host = session.host;
    node.value = session;
  } else if (!graph::Merge(session, &*node.value)) {
    return;
  }
  node.touched_ns = BootNow();
  changed_sessions_.insert(session.id);
  if (first) {
    auto& ids = node.detections;
    ids.erase(std::remove_if(
                  ids.begin(), ids.end(),
                  [&](const auto& id) { return graph_.detections.at(id).host != session.host; }),
              ids.end());
    // Which links may hold depends on whose session it is.
    const absl::btree_map<graph::HopId, EndNode> ends = node.ends;
    for (const auto& [key, end] : ends) Relink(end.hop);
    MarkSubtree(session.id);
    if (auto waiting = waiting_.extract(session.id); !waiting.empty()) {
      for (const model::SessionId& child : waiting.mapped()) OfferCause(child);
    }
  }
  OfferCause(session.id);
  // Who it is and its origin are shown on everything that follows from it.
  if (node.value->user != before.user || node.value->entry != before.entry ||
      model::Title(*node.value) != model::Title(before)) {
    MarkSubtree(session.id);
    relabelled_.insert(session.id);
  } else {
    dirty_sessions_.insert(session.id);
  }
  if (node.value->closed_wall_ns != 0) {
    session_age_.Add(node.touched_ns + options_.retention_ns, session.id);
  }
}

void Engine::Impl::OfferCause(const model::SessionId& child) {
  const SessionNode* node = graph_.Find(child);
  if (node == nullptr || !node->value.has_value() || node->value->caused_by.empty()) return;
  const model::Session& session = *node->value;
  const SessionNode* parent = graph_.Find(session.caused_by);
  if (parent == nullptr || !parent->value.has_value()) {
    if (waiting_.size() < kMaxWaiting) waiting_[session.caused_by].insert(child);
    return;
  }
  if (parent->host != session.host) return;  // a cause on the same host, or not at all
  Note(child, graph_.lineage.Offer(child, {.parent = session.caused_by,
                                           .kind = graph::LinkKind::kCause,
                                           .order = session.opened_boot_ns}));
}

void Engine::Impl::ApplyHopEnd(const model::HopEnd& end) {
  if (end.side == model::HopSide::kUnknown || end.host.empty()) {
    refused_++;
    return;
  }
  if (!end.session.empty() && Foreign(end.session, end.host)) refused_++;
  const size_t before = joiner_.size();
  const graph::HopId key = joiner_.Put(end, BootNow());
  if (joiner_.size() > before) hop_age_.Add(BootNow() + options_.retention_ns, key);
  ApplyJoins();
}

void Engine::Impl::ApplyDetection(const model::Detection& detection) {
  auto known = graph_.detections.find(detection.id);
  if (detection.id.empty() || detection.session.empty() || !config::IsHostRule(detection.rule) ||
      Foreign(detection.session, detection.host) ||
      (known != graph_.detections.end() && known->second.host != detection.host)) {
    refused_++;
    return;
  }
  PutDetection(detection);
}

bool Engine::Impl::PutDetection(const model::Detection& detection) {
  auto [it, added] = graph_.detections.try_emplace(detection.id, detection);
  bool worse = added;
  if (!added) {
    if (it->second == detection) return false;
    worse = detection.severity > it->second.severity || detection.wall_ns > it->second.wall_ns;
    if (it->second.session != detection.session) {
      auto old = graph_.sessions.find(it->second.session);
      if (old != graph_.sessions.end()) {
        auto& ids = old->second.detections;
        ids.erase(std::remove(ids.begin(), ids.end(), detection.id), ids.end());
        Place(old->first);
      }
    }
    it->second = detection;
  }
  if (worse) escalated_.insert(detection.id);
  changed_detections_.insert(detection.id);
  auto& ids = Node(detection.session, detection.host).detections;
  if (std::find(ids.begin(), ids.end(), detection.id) == ids.end() &&
      ids.size() < kMaxDetectionsPerSession) {
    ids.push_back(detection.id);
  }
  Place(detection.session);
  dirty_trees_.insert(graph_.lineage.Root(detection.session));
  return true;
}

void Engine::Impl::SetHostName(const model::HostId& host, absl::string_view name) {
  if (name.empty() || host.empty()) return;
  std::string& known = graph_.host_names[host];
  if (known == std::string(name)) return;
  known = std::string(name);
  auto sessions = graph_.by_host.find(host);
  if (sessions == graph_.by_host.end()) return;
  for (const model::SessionId& id : sessions->second) {
    MarkSubtree(id);
    relabelled_.insert(id);
  }
}

absl::Status Engine::Impl::SetIncidentState(const model::IncidentId& id, model::IncidentState state,
                                            absl::string_view who) {
  return incidents_.SetState(id, state, who, WallNow());
}

SessionNode& Engine::Impl::Node(const model::SessionId& id, const model::HostId& host) {
  auto [it, added] = graph_.sessions.try_emplace(id);
  if (added) {
    it->second.host = host;
    it->second.touched_ns = BootNow();
    graph_.by_host[host].insert(id);
    session_age_.Add(it->second.touched_ns + options_.retention_ns, id);
  }
  return it->second;
}

bool Engine::Impl::Foreign(const model::SessionId& id, const model::HostId& host) const {
  const SessionNode* node = graph_.Find(id);
  return node != nullptr && node->value.has_value() && node->host != host;
}

void Engine::Impl::Note(const model::SessionId& child, const graph::Lineage::Change& change) {
  if (!change.changed) return;
  MarkSubtree(child);
  relabelled_.insert(child);
  if (!change.old_parent.empty()) dirty_sessions_.insert(change.old_parent);
  if (!change.new_parent.empty()) dirty_sessions_.insert(change.new_parent);
}

void Engine::Impl::MarkSubtree(const model::SessionId& id) {
  graph_.lineage.ForSubtree(id,
                            [this](const model::SessionId& next) { dirty_sessions_.insert(next); });
}

void Engine::Impl::Restore(StoredState state) {
  for (const auto& [host, name] : state.host_names) SetHostName(host, name);
  for (const model::Session& session : state.sessions) ApplySession(session);
  absl::flat_hash_map<graph::HopId, const model::Hop*> stored;
  for (const StoredHop& hop : state.hops) {
    stored[hop.key] = &hop.hop;
    joiner_.Restore(hop.hop, BootNow());
    for (const auto& end : {hop.hop.client, hop.hop.server}) {
      if (!end.has_value()) continue;
      const graph::HopId key = graph::DeriveHopKey(*end);
      if (joiner_.FindEnd(key) != nullptr) hop_age_.Add(BootNow() + options_.retention_ns, key);
    }
  }
  ApplyJoins();
  for (const model::Detection& detection : state.detections) PutDetection(detection);
  for (const model::Incident& incident : state.incidents) {
    incidents_.Restore(incident);
    const model::SessionId anchor = IncidentRegistry::AnchorOf(incident);
    if (graph_.Find(anchor) != nullptr) dirty_sessions_.insert(anchor);
  }
  escalated_.clear();
  changed_sessions_.clear();
  changed_detections_.clear();
  for (auto it = changed_hops_.begin(); it != changed_hops_.end();) {
    auto same = stored.find(it->first);
    const bool known = same != stored.end() && it->second == *same->second;
    it = known ? changed_hops_.erase(it) : std::next(it);
  }
  for (auto it = removed_hops_.begin(); it != removed_hops_.end();) {
    it = stored.contains(*it) ? std::next(it) : removed_hops_.erase(it);
  }
  changed_clocks_.clear();
  for (const auto& [id, node] : graph_.sessions) {
    dirty_sessions_.insert(id);
    relabelled_.insert(id);
  }
  Settle(nullptr);
}

}  // namespace hoptrail::collector::engine
