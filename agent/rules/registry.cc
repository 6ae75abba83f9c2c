#include "agent/rules/registry.h"

#include "core/config/rule_sides.h"

// One line for each rule: the function in the rule's file that returns its entry.
#define HOPTRAIL_HOST_RULES(RULE) \
  RULE(Blinding)                  \
  RULE(BruteForce)                \
  RULE(Fileless)                  \
  RULE(Pivot)

namespace hoptrail::agent::rules {

#define HOPTRAIL_DECLARE(Rule) HostRuleEntry Rule();
HOPTRAIL_HOST_RULES(HOPTRAIL_DECLARE)
#undef HOPTRAIL_DECLARE

const std::vector<HostRuleEntry>& AllHostRules() {
#define HOPTRAIL_ENTRY(Rule) Rule(),
  static const auto& all = *new std::vector<HostRuleEntry>{HOPTRAIL_HOST_RULES(HOPTRAIL_ENTRY)};
#undef HOPTRAIL_ENTRY
  return all;
}

std::unique_ptr<HostRule> MakeHostRule(absl::string_view id, const RuleOptions& options) {
  for (const HostRuleEntry& entry : AllHostRules()) {
    if (entry.info().id == id) return entry.make(options);
  }
  return nullptr;
}

std::vector<std::unique_ptr<HostRule>> MakeHostRules(const RuleOptions& options) {
  std::vector<std::unique_ptr<HostRule>> rules;
  for (const HostRuleEntry& entry : AllHostRules()) {
    if (!config::IsRuleDisabled(options.config, entry.info().id)) {
      rules.push_back(entry.make(options));
    }
  }
  return rules;
}

}  // namespace hoptrail::agent::rules
