#include "collector/rules/registry.h"

// One line for each rule: the function in the rule's file that returns its entry.
#define HOPTRAIL_FLEET_RULES(RULE) \
  RULE(BlindHop)                   \
  RULE(Blinding)                   \
  RULE(ClaimFlood)                 \
  RULE(CredentialSwitch)           \
  RULE(DisputedEnd)                \
  RULE(MultiHop)                   \
  RULE(Spread)

namespace hoptrail::collector::rules {

#define HOPTRAIL_DECLARE(Rule) FleetRuleEntry Rule();
HOPTRAIL_FLEET_RULES(HOPTRAIL_DECLARE)
#undef HOPTRAIL_DECLARE

const std::vector<FleetRuleEntry>& AllFleetRules() {
#define HOPTRAIL_ENTRY(Rule) Rule(),
  static const auto& all = *new std::vector<FleetRuleEntry>{HOPTRAIL_FLEET_RULES(HOPTRAIL_ENTRY)};
#undef HOPTRAIL_ENTRY
  return all;
}

std::unique_ptr<FleetRule> MakeFleetRule(absl::string_view id, const v1::FleetRulesConfig& config) {
  for (const FleetRuleEntry& entry : AllFleetRules()) {
    if (entry.info().id == id) return entry.make(config);
  }
  return nullptr;
}

}  // namespace hoptrail::collector::rules
