#ifndef HOPTRAIL_COLLECTOR_RULES_REGISTRY_H_
#define HOPTRAIL_COLLECTOR_RULES_REGISTRY_H_

#include <memory>
#include <vector>

#include "absl/strings/string_view.h"

#include "collector/rules/fleet_rule.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::rules {

// All fleet rules, ordered by id.
const std::vector<FleetRuleEntry>& AllFleetRules();

// Null if there is no such rule. A rule that the configuration disables is made too: the runner
// withdraws its detections.
std::unique_ptr<FleetRule> MakeFleetRule(absl::string_view id, const v1::FleetRulesConfig& config);

}  // namespace hoptrail::collector::rules

#endif  // HOPTRAIL_COLLECTOR_RULES_REGISTRY_H_
