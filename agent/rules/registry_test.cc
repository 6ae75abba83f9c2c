// Checks that every host rule is complete. A failure names the rule.

#include "agent/rules/registry.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/string_view.h"
#include <gtest/gtest.h>

#include "core/config/rule_sides.h"
#include "core/detect/rule_checks_for_test.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::agent::rules {
namespace {

TEST(RegistryTest, EveryRule_HasItsMetadata) {
  ASSERT_FALSE(AllHostRules().empty());
  std::set<absl::string_view> ids;
  for (const HostRuleEntry& entry : AllHostRules()) {
    SCOPED_TRACE(std::string(entry.info().id));
    EXPECT_TRUE(ids.insert(entry.info().id).second) << "registered twice";
    detect::ExpectCompleteMetadata(entry.info());
  }
}

TEST(RegistryTest, EveryRule_IsMadeAndAsksForSomething) {
  for (const HostRuleEntry& entry : AllHostRules()) {
    SCOPED_TRACE(std::string(entry.info().id));
    const std::unique_ptr<HostRule> rule = MakeHostRule(entry.info().id, {});
    ASSERT_NE(rule, nullptr);
    EXPECT_EQ(&rule->info(), &entry.info());
    EXPECT_NE(rule->interests(), session::Interests());
  }
  EXPECT_EQ(MakeHostRule("no-such-rule", {}), nullptr);
}

TEST(RegistryTest, EveryRule_HasAConfigurationMessageOfItsOwnThatCanDisableIt) {
  std::set<std::string> messages;
  for (const HostRuleEntry& entry : AllHostRules()) {
    const std::string id(entry.info().id);
    SCOPED_TRACE(id);
    EXPECT_TRUE(config::IsHostRule(id)) << "no field of HostRulesConfig";
    EXPECT_FALSE(config::IsRuleDisabled(v1::HostRulesConfig(), id)) << "no field `disabled`";
    std::string field = id;
    std::replace(field.begin(), field.end(), '-', '_');
    const auto* const described = v1::HostRulesConfig::descriptor()->FindFieldByName(field);
    ASSERT_NE(described, nullptr);
    ASSERT_NE(described->message_type(), nullptr);
    EXPECT_TRUE(messages.insert(std::string(described->message_type()->name())).second)
        << "shares its message with another rule";
  }
}

TEST(RegistryTest, EveryConfiguredRule_IsRegistered) {
  const auto& fields = *v1::HostRulesConfig::descriptor();
  for (int i = 0; i < fields.field_count(); ++i) {
    std::string id = fields.field(i)->name();
    std::replace(id.begin(), id.end(), '_', '-');
    EXPECT_NE(MakeHostRule(id, {}), nullptr) << id;
  }
}

TEST(RegistryTest, EveryRule_IsInReadmesTableWithItsTechniques) {
  for (const HostRuleEntry& entry : AllHostRules()) {
    SCOPED_TRACE(std::string(entry.info().id));
    detect::ExpectRowInReadme(HOPTRAIL_README, entry.info());
  }
}

TEST(RegistryTest, EveryRule_HasATestThatFiresAndOneThatDoesNot) {
  for (const HostRuleEntry& entry : AllHostRules()) detect::ExpectTests(entry.info());
  EXPECT_FALSE(detect::HasTest("NoSuchRuleTest", ""));
  EXPECT_FALSE(detect::HasTest("RegistryTest", "Fires_"));
}

TEST(RegistryTest, DisabledRule_IsNotMade) {
  RuleOptions options;
  const size_t all = MakeHostRules(options).size();
  EXPECT_EQ(all, AllHostRules().size());
  options.config.mutable_pivot()->set_disabled(true);
  const auto rules = MakeHostRules(options);
  EXPECT_EQ(rules.size(), all - 1);
  for (const auto& rule : rules) EXPECT_NE(rule->info().id, "pivot");
}

}  // namespace
}  // namespace hoptrail::agent::rules
