// Checks that every fleet rule is complete. A failure names the rule.

#include "collector/rules/registry.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include "core/config/rule_sides.h"
#include "core/detect/rule_checks_for_test.h"

namespace hoptrail::collector::rules {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using hoptrail::detect::RuleInfo;

// The rule's field of the configuration; null if there is none.
const FieldDescriptor* FieldOf(const RuleInfo& info) {
  std::string name(info.id);
  std::replace(name.begin(), name.end(), '-', '_');
  return v1::FleetRulesConfig::descriptor()->FindFieldByName(name);
}

TEST(RegistryTest, EveryRule_HasItsMetadataInTheOrderOfTheIds) {
  ASSERT_FALSE(AllFleetRules().empty());
  std::string last;
  for (const FleetRuleEntry& entry : AllFleetRules()) {
    const std::string id(entry.info().id);
    SCOPED_TRACE(id);
    EXPECT_LT(last, id) << "registered twice, or not in order";
    last = id;
    hoptrail::detect::ExpectCompleteMetadata(entry.info());
  }
}

TEST(RegistryTest, EveryRule_IsMadeAndAsksForSomething) {
  for (const FleetRuleEntry& entry : AllFleetRules()) {
    SCOPED_TRACE(std::string(entry.info().id));
    const std::unique_ptr<FleetRule> rule = MakeFleetRule(entry.info().id, {});
    ASSERT_NE(rule, nullptr);
    EXPECT_EQ(&rule->info(), &entry.info());
    EXPECT_NE(rule->interests(), 0u);
  }
  EXPECT_EQ(MakeFleetRule("no-such-rule", {}), nullptr);
}

TEST(RegistryTest, EveryRule_HasAConfigurationMessageOfItsOwnThatCanDisableIt) {
  std::set<std::string> messages;
  for (const FleetRuleEntry& entry : AllFleetRules()) {
    const std::string id(entry.info().id);
    SCOPED_TRACE(id);
    const FieldDescriptor* const field = FieldOf(entry.info());
    ASSERT_NE(field, nullptr) << "no field of FleetRulesConfig";
    ASSERT_NE(field->message_type(), nullptr);
    EXPECT_TRUE(messages.insert(std::string(field->message_type()->name())).second)
        << "shares its message with another rule";
    v1::FleetRulesConfig all;
    EXPECT_FALSE(config::IsRuleDisabled(all, id)) << "no field `disabled`";
    Message* const own = all.GetReflection()->MutableMessage(&all, field);
    const FieldDescriptor* const disabled = own->GetDescriptor()->FindFieldByName("disabled");
    ASSERT_NE(disabled, nullptr);
    own->GetReflection()->SetBool(own, disabled, true);
    EXPECT_TRUE(config::IsRuleDisabled(all, id));
  }
}

TEST(RegistryTest, EveryConfiguredRule_IsRegistered) {
  const auto& fields = *v1::FleetRulesConfig::descriptor();
  for (int i = 0; i < fields.field_count(); ++i) {
    std::string id = fields.field(i)->name();
    std::replace(id.begin(), id.end(), '_', '-');
    EXPECT_NE(MakeFleetRule(id, {}), nullptr) << id;
  }
}

TEST(RegistryTest, EveryRule_IsInReadmesTableWithItsTechniques) {
  for (const FleetRuleEntry& entry : AllFleetRules()) {
    SCOPED_TRACE(std::string(entry.info().id));
    hoptrail::detect::ExpectRowInReadme(HOPTRAIL_README, entry.info());
  }
}

TEST(RegistryTest, EveryRule_HasATestThatFiresAndOneThatDoesNot) {
  for (const FleetRuleEntry& entry : AllFleetRules()) hoptrail::detect::ExpectTests(entry.info());
  EXPECT_FALSE(hoptrail::detect::HasTest("NoSuchRuleTest", ""));
  EXPECT_FALSE(hoptrail::detect::HasTest("RegistryTest", "Fires_"));
}

}  // namespace
}  // namespace hoptrail::collector::rules
