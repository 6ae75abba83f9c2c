#include "collector/engine/origin_wait.h"

#include <algorithm>
#include <utility>

#include "collector/rules/rule_runner.h"
#include "core/model/unmonitored.h"

namespace hoptrail::collector::engine {
namespace {

constexpr char kBlindHopRule[] = "blind-hop";
constexpr int64_t kAgainNs = 1'000'000'000;

}  // namespace

void OriginWait::Fill(const model::SessionId& id, Step* root) {
  SessionNode& node = state_->graph.sessions.at(id);
  const model::Session& session = *node.value;
  if (session.kind != model::EntryKind::kRemote || !session.entry.has_value() ||
      model::UnmonitoredAddress(node.host).has_value()) {
    return;
  }
  const std::optional<graph::HopId> entry = state_->graph.EntryOf(id);
  if (entry.has_value()) {
    auto hop = state_->graph.hops.find(*entry);
    if (hop != state_->graph.hops.end() && !hop->second.client.key.empty()) return;
  }
  if (joiner_->IsTranslation(session.entry->flow.client.address)) return;
  OriginSearch::Answer answer = Search(node);
  if (answer.hosts.empty()) return;
  if (!node.origin_overdue) {
    // After a restart nobody has to wait again for what was known before.
    node.origin_overdue = IsDetected(node);
  }
  if (!node.origin_overdue) {
    if (node.origin_awaited_boot_ns == 0) {
      node.origin_awaited_boot_ns = std::max<int64_t>(1, state_->BootNow());
      due_.Add(node.origin_awaited_boot_ns + kGraceNs, id);
    }
    return;
  }
  root->origin_hosts = std::move(answer.hosts);
}

void OriginWait::Tick() {
  const int64_t now = state_->BootNow();
  while (const auto id = due_.TakeDue(now)) {
    auto known = state_->graph.sessions.find(*id);
    if (known == state_->graph.sessions.end() || !known->second.value.has_value()) continue;
    SessionNode& node = known->second;
    if (node.origin_overdue || !node.value->entry.has_value()) continue;
    if (now < node.origin_awaited_boot_ns + kBehindNs && Search(node).may_report) {
      due_.Add(now + kAgainNs, *id);
      continue;
    }
    node.origin_overdue = true;
    state_->changes.dirty_sessions.insert(*id);
  }
}

OriginSearch::Answer OriginWait::Search(const SessionNode& node) const {
  return state_->origins.Find(node.value->entry->flow.client.address, node.host,
                              node.value->opened_wall_ns, state_->graph.host_names);
}

bool OriginWait::IsDetected(const SessionNode& node) const {
  return std::any_of(node.detections.begin(), node.detections.end(), [this](const auto& id) {
    const model::Detection& detection = state_->graph.detections.at(id);
    return detection.rule == kBlindHopRule && !rules::RuleRunner::IsWithdrawn(detection);
  });
}

}  // namespace hoptrail::collector::engine
