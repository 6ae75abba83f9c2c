#include "core/config/rule_sides.h"

#include <gtest/gtest.h>

#include <hoptrail/v1/config.pb.h>

namespace hoptrail::config {
namespace {

TEST(RuleSidesTest, HostRules_AreTheFieldsOfTheAgentsRules) {
  EXPECT_TRUE(IsHostRule("pivot"));
  EXPECT_TRUE(IsHostRule("brute-force"));
  EXPECT_TRUE(IsHostRule("blinding"));
  EXPECT_FALSE(IsHostRule("multi-hop"));
  EXPECT_FALSE(IsHostRule("credential-switch"));
  EXPECT_FALSE(IsHostRule("spread"));
}

TEST(RuleSidesTest, UnknownRule_IsNoHostRuleAndOff) {
  for (const char* id : {"", "-", "pivot ", "Pivot", "brute_force", "multi_hop", "no-such-rule",
                         "hoptrail.v1.PivotConfig"}) {
    EXPECT_FALSE(IsHostRule(id)) << id;
    EXPECT_TRUE(IsRuleDisabled(v1::HostRulesConfig(), id)) << id;
  }
}

TEST(RuleSidesTest, Rule_IsOnUnlessSwitchedOff) {
  v1::HostRulesConfig rules;
  EXPECT_FALSE(IsRuleDisabled(rules, "brute-force"));
  rules.mutable_brute_force()->set_failures_alone(7);
  EXPECT_FALSE(IsRuleDisabled(rules, "brute-force"));
  rules.mutable_brute_force()->set_disabled(true);
  EXPECT_TRUE(IsRuleDisabled(rules, "brute-force"));
  EXPECT_FALSE(IsRuleDisabled(rules, "pivot"));
}

}  // namespace
}  // namespace hoptrail::config
