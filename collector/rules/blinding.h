#ifndef HOPTRAIL_COLLECTOR_RULES_BLINDING_H_
#define HOPTRAIL_COLLECTOR_RULES_BLINDING_H_

#include <optional>

#include "collector/rules/fleet_rule.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::rules {

// `blinding` as the collector judges it: an agent ended, was stopped, went blind or fell silent, or
// lost records, while somebody was logged in. Tied to the open session that is most to be
// suspected; one detection for each kind of trouble and session, emitted again when it happens
// again.
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
