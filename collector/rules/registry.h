#ifndef HOPTRAIL_COLLECTOR_RULES_REGISTRY_H_
#define HOPTRAIL_COLLECTOR_RULES_REGISTRY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "collector/rules/fleet_rule.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::rules {

// One registered rule. Has static storage duration.
struct RegisteredRule {
  const hoptrail::detect::RuleInfo& (*info)();
  std::unique_ptr<FleetRule> (*make)(const v1::FleetRulesConfig& config);
};

// All fleet rules, in the order of their ids.
const std::vector<RegisteredRule>& FleetRules();

// "credential-switch" → "credential_switch": the rule's field of the configuration.
std::string FieldName(absl::string_view rule_id);

}  // namespace hoptrail::collector::rules

#endif  // HOPTRAIL_COLLECTOR_RULES_REGISTRY_H_
