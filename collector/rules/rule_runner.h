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

// Gives every registered rule the changes that it is interested in, and says which detections have
// to be stored for it: new ones, changed ones, and those to be withdrawn because the path turned
// out to be another or the rule was switched off. Keeps nothing but its configuration; what stands
// is given to it. Immutable; used by the engine's thread.
class RuleRunner {
 public:
  using Detections = std::vector<model::Detection>;
  // The stored detection of this id; null where there is none.
  using Find = absl::FunctionRef<const model::Detection*(const model::DetectionId&)>;

  explicit RuleRunner(const v1::FleetRulesConfig& config);

  // Whether a rule that is on wants such changes.
  bool Wants(Interests interests) const;

  // `change` is null for a session that nobody has entered (yet): nothing should stand on it.
  Detections OnSession(const model::SessionId& session, const engine::SessionChange* change,
                       Find find) const;
  // `standing`: all detections on the path. `read` makes the path's value, which costs as much as
  // the path is long; it is called once, and only where a rule has to see it.
  Detections OnPath(const engine::PathExtent& extent, absl::FunctionRef<engine::PathChange()> read,
                    const std::vector<const model::Detection*>& standing, Find find) const;
  Detections OnAgentTrouble(const engine::AgentTrouble& trouble) const;

  // A fleet detection whose ground fell away. What an agent sends is never one.
  static bool IsWithdrawn(const model::Detection& detection);

 private:
  struct Entry {
    std::unique_ptr<FleetRule> rule;
    bool enabled = false;
  };

  static void Reconcile(absl::string_view rule, std::optional<model::Detection> wanted,
                        const std::vector<const model::Detection*>& standing, Find find,
                        Detections* out);

  std::vector<Entry> entries_;
};

}  // namespace hoptrail::collector::rules

#endif  // HOPTRAIL_COLLECTOR_RULES_RULE_RUNNER_H_
