#ifndef HOPTRAIL_COLLECTOR_RULES_REGISTRY_H_
#define HOPTRAIL_COLLECTOR_RULES_REGISTRY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "collector/rules/fleet_rule.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::rules {

// One registered rule. A value with static storage duration.
struct RegisteredRule {
  const hoptrail::detect::RuleInfo& (*info)();
  std::unique_ptr<FleetRule> (*make)(const v1::FleetRulesConfig& config);
};

// Every fleet rule that there is, in order of their ids.
const std::vector<RegisteredRule>& FleetRules();

// Whether the configuration leaves the rule on.
bool IsEnabled(const RegisteredRule& rule, const v1::FleetRulesConfig& config);

// "credential-switch" → "credential_switch": the rule's field of the configuration.
std::string FieldName(absl::string_view rule_id);

}  // namespace hoptrail::collector::rules

#endif  // HOPTRAIL_COLLECTOR_RULES_REGISTRY_H_
