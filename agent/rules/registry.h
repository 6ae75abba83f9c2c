#ifndef HOPTRAIL_AGENT_RULES_REGISTRY_H_
#define HOPTRAIL_AGENT_RULES_REGISTRY_H_

#include <memory>
#include <vector>

#include "absl/strings/string_view.h"

#include "agent/rules/host_rule.h"

namespace hoptrail::agent::rules {

// All host rules, ordered by id.
const std::vector<HostRuleEntry>& AllHostRules();

// Null if there is no such rule.
std::unique_ptr<HostRule> MakeHostRule(absl::string_view id, const RuleOptions& options);

// All rules except those that the configuration disables.
std::vector<std::unique_ptr<HostRule>> MakeHostRules(const RuleOptions& options);

}  // namespace hoptrail::agent::rules

#endif  // HOPTRAIL_AGENT_RULES_REGISTRY_H_
