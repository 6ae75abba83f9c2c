// Checks for every registered rule that everything else that belongs to a rule exists.

#include "collector/rules/registry.h"

#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include "core/config/rule_sides.h"

namespace hoptrail::collector::rules {
namespace {

using google::protobuf::FieldDescriptor;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Read(const std::string& name) {
  const std::string path = absl::StrCat(HOPTRAIL_SOURCE_DIRECTORY, "/", name);
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Text(absl::string_view view) { return std::string(view); }

class RegistryTest : public testing::TestWithParam<RegisteredRule> {
 protected:
  const hoptrail::detect::RuleInfo& info_ = GetParam().info();
  const std::string id_ = Text(info_.id);
};

TEST_P(RegistryTest, Rule_HasCompleteMetadata) {
  EXPECT_TRUE(std::regex_match(id_, std::regex("[a-z]+(-[a-z]+)*"))) << id_;
  EXPECT_THAT(Text(info_.title), Not(IsEmpty()));
  EXPECT_THAT(Text(info_.check), Not(IsEmpty()));
  EXPECT_NE(info_.severity, model::Severity::kUnknown);
  EXPECT_THAT(info_.techniques, Not(IsEmpty()));
  for (absl::string_view technique : info_.techniques) {
    EXPECT_TRUE(std::regex_match(Text(technique), std::regex("T[0-9]{4}(\\.[0-9]{3})?")))
        << technique;
  }
  EXPECT_THAT(info_.benign_causes, Not(IsEmpty()));
}

TEST_P(RegistryTest, Rule_IsInterestedInAtLeastOneKindOfChange) {
  const std::unique_ptr<FleetRule> rule = GetParam().make({});
  ASSERT_NE(rule, nullptr);
  EXPECT_EQ(&rule->info(), &info_);
  EXPECT_NE(rule->interests(), 0u);
}

TEST_P(RegistryTest, Rule_IsDisabledByItsOwnConfigMessage) {
  const FieldDescriptor* field =
      v1::FleetRulesConfig::descriptor()->FindFieldByName(FieldName(info_.id));
  ASSERT_NE(field, nullptr);
  ASSERT_NE(field->message_type(), nullptr);
  v1::FleetRulesConfig all;
  EXPECT_FALSE(config::IsRuleDisabled(all, info_.id)) << "no field `disabled`";
  google::protobuf::Message* own = all.GetReflection()->MutableMessage(&all, field);
  const FieldDescriptor* disabled = own->GetDescriptor()->FindFieldByName("disabled");
  ASSERT_NE(disabled, nullptr);
  own->GetReflection()->SetBool(own, disabled, true);
  EXPECT_TRUE(config::IsRuleDisabled(all, info_.id));
}

TEST_P(RegistryTest, Rule_HasARowInReadme) {
  EXPECT_THAT(Read("README.md"), HasSubstr(absl::StrCat("\n| `", id_, "` |")));
}

TEST_P(RegistryTest, Rule_HasAFiringAndANotFiringTest) {
  const std::string test = Read(absl::StrCat("collector/rules/", FieldName(info_.id), "_test.cc"));
  EXPECT_THAT(test, ContainsRegex("TEST(_F|_P)?\\([A-Za-z]+Test, Fires"));
  EXPECT_THAT(test, ContainsRegex("TEST(_F|_P)?\\([A-Za-z]+Test, DoesNotFire"));
}

INSTANTIATE_TEST_SUITE_P(Every, RegistryTest, testing::ValuesIn(FleetRules()),
                         [](const auto& info) { return FieldName(info.param.info().id); });

TEST(FleetRulesTest, RegisteredRules_AreTheConfigFieldsInOrder) {
  std::set<std::string> registered, configured;
  for (const RegisteredRule& rule : FleetRules()) {
    const std::string name = FieldName(rule.info().id);
    EXPECT_TRUE(registered.empty() || *registered.rbegin() < name) << name;
    registered.insert(name);
  }
  const google::protobuf::Descriptor* rules = v1::FleetRulesConfig::descriptor();
  for (int i = 0; i < rules->field_count(); ++i) configured.insert(rules->field(i)->name());
  EXPECT_EQ(registered, configured);
}

}  // namespace
}  // namespace hoptrail::collector::rules
