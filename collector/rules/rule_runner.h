#ifndef HOPTRAIL_COLLECTOR_RULES_RULE_RUNNER_H_
#define HOPTRAIL_COLLECTOR_RULES_RULE_RUNNER_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

#include "collector/rules/fleet_rule.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::rules {

// Gives every registered rule the changes that it is interested in, and returns the detections that
// have to be stored: new ones, changed ones, and withdrawn ones, whose path has changed or whose
// rule was disabled. Holds only its configuration: the caller passes the present detections.
// Immutable; used by the engine's thread.
class RuleRunner {
 public:
  using Detections = std::vector<model::Detection>;
  // The stored detection with this id; null if there is none.
  using Find = absl::FunctionRef<const model::Detection*(const model::DetectionId&)>;

  explicit RuleRunner(const v1::FleetRulesConfig& config);

  // Whether an enabled rule is interested in such changes.
  bool Wants(Interests interests) const;

  // `change` is null for a session that nobody has entered yet: it should have no detection.
  Detections OnSession(const model::SessionId& session, const engine::SessionChange* change,
                       Find find) const;
  // `present`: all present detections on the path. `read` makes the path's value, at a cost that
  // grows with the path's length. It is called at most once, and only if a rule has to see the
  // path.
  Detections OnPath(const engine::PathExtent& extent, absl::FunctionRef<engine::PathChange()> read,
                    const std::vector<const model::Detection*>& present, Find find) const;
  Detections OnAgentTrouble(const engine::AgentTrouble& trouble) const;

  // A fleet detection that lost its ground. A detection from an agent is never a withdrawn one.
  static bool IsWithdrawn(const model::Detection& detection);

 private:
  struct Entry {
    std::unique_ptr<FleetRule> rule;
    bool enabled = false;
  };

  static void Reconcile(absl::string_view rule, std::optional<model::Detection> wanted,
                        const std::vector<const model::Detection*>& present, Find find,
                        Detections* out);

  std::vector<Entry> entries_;
};

}  // namespace hoptrail::collector::rules

#endif  // HOPTRAIL_COLLECTOR_RULES_RULE_RUNNER_H_
