#include "collector/rules/rule_runner.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "collector/rules/registry.h"
#include "core/base/log.h"
#include "core/config/rule_sides.h"
#include "core/detect/evidence.h"

namespace hoptrail::collector::rules {
namespace {

constexpr char kWithdrawn[] = "withdrawn";
// Bounds the search for an unused id among paths that were split off one after the other.
constexpr int kMaxSplits = 100;

model::Detection Withdrawn(model::Detection detection) {
  detection.severity = model::Severity::kInfo;
  detection.summary = hoptrail::detect::Bounded(
      absl::StrCat("Withdrawn, because the path changed: ", detection.summary));
  detection.evidence[kWithdrawn] = "the path changed";
  return detection;
}

bool Is(const model::Detection& detection, absl::string_view rule) {
  return rule == absl::string_view(detection.rule);
}

}  // namespace

RuleRunner::RuleRunner(const v1::FleetRulesConfig& config) {
  for (const FleetRuleEntry& entry : AllFleetRules()) {
    const bool enabled = !config::IsRuleDisabled(config, entry.info().id);
    entries_.push_back({entry.make(config), enabled});
  }
}

bool RuleRunner::Wants(Interests interests) const {
  return std::any_of(entries_.begin(), entries_.end(), [interests](const Entry& entry) {
    return entry.enabled && (entry.rule->interests() & interests) != 0;
  });
}

RuleRunner::Detections RuleRunner::OnSession(const model::SessionId& session,
                                             const engine::SessionChange* change, Find find) {
  Detections out;
  for (const Entry& entry : entries_) {
    if ((entry.rule->interests() & kSessions) == 0) continue;
    std::optional<model::Detection> wanted;
    if (entry.enabled && change != nullptr) wanted = entry.rule->OnSession(*change);
    if (Refuses(*entry.rule, wanted)) continue;
    if (wanted.has_value()) {
      out.push_back(*std::move(wanted));
      continue;
    }
    const model::Detection* present =
        find(model::DeriveDetectionId(entry.rule->info().id, session, ""));
    if (present != nullptr && !IsWithdrawn(*present)) out.push_back(Withdrawn(*present));
  }
  return out;
}

RuleRunner::Detections RuleRunner::OnPath(const engine::PathExtent& extent,
                                          absl::FunctionRef<engine::PathChange()> read,
                                          const std::vector<const model::Detection*>& present,
                                          Find find) {
  Detections out;
  std::optional<engine::PathChange> change;
  for (const Entry& entry : entries_) {
    if ((entry.rule->interests() & kPaths) == 0) continue;
    const Concern concern = entry.rule->ConcernWith(extent);
    if (concern == Concern::kKeep) continue;
    std::optional<model::Detection> wanted;
    if (entry.enabled && concern == Concern::kEvaluate) {
      if (!change.has_value()) change = read();
      wanted = entry.rule->OnPath(*change);
    }
    if (Refuses(*entry.rule, wanted)) continue;
    Reconcile(entry.rule->info().id, std::move(wanted), present, find, &out);
  }
  return out;
}

RuleRunner::Detections RuleRunner::OnAgentTrouble(const engine::AgentTrouble& trouble) {
  Detections out;
  for (const Entry& entry : entries_) {
    if (!entry.enabled || (entry.rule->interests() & kAgentTrouble) == 0) continue;
    std::optional<model::Detection> detection = entry.rule->OnAgentTrouble(trouble);
    if (!detection.has_value() || Refuses(*entry.rule, detection)) continue;
    out.push_back(*std::move(detection));
  }
  return out;
}

bool RuleRunner::IsWithdrawn(const model::Detection& detection) {
  return detection.evidence.contains(kWithdrawn) && !config::IsHostRule(detection.rule);
}

bool RuleRunner::Refuses(const FleetRule& rule, const std::optional<model::Detection>& wanted) {
  if (!wanted.has_value()) return false;
  const absl::string_view wrong = hoptrail::detect::ReasonToRefuse(rule.info(), *wanted);
  if (wrong.empty()) return false;
  ++refused_;
  LogWarning("rules", "refused a detection of rule ", rule.info().id, ": ", wrong);
  return true;
}

// Gives `wanted` the id of the rule's present detection on the path, and withdraws the rule's other
// detections there.
void RuleRunner::Reconcile(absl::string_view rule, std::optional<model::Detection> wanted,
                           const std::vector<const model::Detection*>& present, Find find,
                           Detections* out) {
  std::vector<const model::Detection*> own;
  for (const model::Detection* detection : present) {
    if (Is(*detection, rule) && !IsWithdrawn(*detection)) own.push_back(detection);
  }
  std::sort(own.begin(), own.end(), [](const auto* a, const auto* b) { return a->id < b->id; });
  const model::Detection* kept = nullptr;
  if (wanted.has_value() && !own.empty()) {
    kept = own.front();
    wanted->id = kept->id;
    wanted->occurrence = kept->occurrence;
  } else if (wanted.has_value()) {
    // A path that was split off may have kept the detection with this id.
    for (int i = 2; i < kMaxSplits; ++i) {
      const model::Detection* other = find(wanted->id);
      if (other == nullptr || IsWithdrawn(*other)) break;
      wanted->occurrence = absl::StrCat(i);
      wanted->id = model::DeriveDetectionId(rule, wanted->session, wanted->occurrence);
    }
  }
  for (const model::Detection* other : own) {
    if (other != kept) out->push_back(Withdrawn(*other));
  }
  if (wanted.has_value()) out->push_back(*std::move(wanted));
}

}  // namespace hoptrail::collector::rules
