#ifndef HOPTRAIL_COLLECTOR_RULES_BLINDING_H_
#define HOPTRAIL_COLLECTOR_RULES_BLINDING_H_

#include <optional>

#include "collector/rules/fleet_rule.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::rules {

// The collector's half of `blinding`: an agent ended, was stopped, became blind or silent, or lost
// records while somebody was logged in. One detection for each kind of trouble and session, tied to
// the most suspicious open session, and emitted again when the trouble happens again.
class Blinding final : public FleetRule {
 public:
  using Config = v1::BlindingConfig;
  explicit Blinding(const Config&) {}

  static const hoptrail::detect::RuleInfo& Info();
  const hoptrail::detect::RuleInfo& info() const override { return Info(); }
  Interests interests() const override { return kAgentTrouble; }
  std::optional<model::Detection> OnAgentTrouble(
      const engine::AgentTrouble& trouble) const override;
};

}  // namespace hoptrail::collector::rules

#endif  // HOPTRAIL_COLLECTOR_RULES_BLINDING_H_
