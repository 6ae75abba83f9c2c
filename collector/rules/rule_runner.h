#ifndef HOPTRAIL_COLLECTOR_RULES_RULE_RUNNER_H_
#define HOPTRAIL_COLLECTOR_RULES_RULE_RUNNER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

#include "collector/rules/fleet_rule.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::rules {

// Gives every registered rule the changes that it is interested in, and returns the detections that
// have to be stored: new ones, changed ones, and withdrawn ones, whose path has changed or whose
// rule was disabled. Holds only its configuration: the caller passes the present detections.
// Refuses and counts detections that detect::ReasonToRefuse refuses; the rule's present detections
// stay as they are then. Used by the engine's thread.
class RuleRunner {
 public:
  struct Entry {
    std::unique_ptr<FleetRule> rule;
    bool enabled = false;
  };
  using Detections = std::vector<model::Detection>;
  // The stored detection with this id; null if there is none.
  using Find = absl::FunctionRef<const model::Detection*(const model::DetectionId&)>;

  // All registered rules.
  explicit RuleRunner(const v1::FleetRulesConfig& config);
  explicit RuleRunner(std::vector<Entry> entries) : entries_(std::move(entries)) {}

  // Whether an enabled rule is interested in such changes.
  bool Wants(Interests interests) const;

  // `change` is null for a session that nobody has entered yet: it should have no detection.
  Detections OnSession(const model::SessionId& session, const engine::SessionChange* change,
                       Find find);
  // `present`: all present detections on the path. `read` makes the path's value, at a cost that
  // grows with the path's length. It is called at most once, and only if a rule has to see the
  // path.
  Detections OnPath(const engine::PathExtent& extent, absl::FunctionRef<engine::PathChange()> read,
                    const std::vector<const model::Detection*>& present, Find find);
  Detections OnAgentTrouble(const engine::AgentTrouble& trouble);

  uint64_t refused() const { return refused_; }  // detections

  // A fleet detection that lost its ground. A detection from an agent is never a withdrawn one.
  static bool IsWithdrawn(const model::Detection& detection);

 private:
  // Whether the rule may not have the detection that it wants. Logs and counts it.
  bool Refuses(const FleetRule& rule, const std::optional<model::Detection>& wanted);
  static void Reconcile(absl::string_view rule, std::optional<model::Detection> wanted,
                        const std::vector<const model::Detection*>& present, Find find,
                        Detections* out);

  std::vector<Entry> entries_;
  uint64_t refused_ = 0;
};

}  // namespace hoptrail::collector::rules

#endif  // HOPTRAIL_COLLECTOR_RULES_RULE_RUNNER_H_
