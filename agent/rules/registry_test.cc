// Checks that every host rule is complete. A failure names the rule.

#include "agent/rules/registry.h"

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include <gtest/gtest.h>

#include "core/config/rule_sides.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::agent::rules {
namespace {

bool IsId(absl::string_view id) {
  for (char c : id) {
    if (!absl::ascii_islower(static_cast<unsigned char>(c)) && c != '-') return false;
  }
  return !id.empty();
}

// "T1021" or "T1021.004".
bool IsTechnique(absl::string_view id) {
  const std::vector<absl::string_view> parts = absl::StrSplit(id, '.');
  const auto digits = [](absl::string_view text, size_t count) {
    return text.size() == count && text.find_first_not_of("0123456789") == text.npos;
  };
  return absl::StartsWith(parts[0], "T") && digits(parts[0].substr(1), 4) &&
         (parts.size() == 1 || (parts.size() == 2 && digits(parts[1], 3)));
}

// "brute-force" is tested by BruteForceRuleTest.
std::string SuiteOf(absl::string_view id) {
  std::string suite;
  bool upper = true;
  for (char c : id) {
    if (c == '-') {
      upper = true;
      continue;
    }
    suite.push_back(upper ? absl::ascii_toupper(static_cast<unsigned char>(c)) : c);
    upper = false;
  }
  return absl::StrCat(suite, "RuleTest");
}

// Whether this program contains a test of the suite whose name begins with `beginning`.
bool HasTest(const std::string& suite, absl::string_view beginning) {
  const testing::UnitTest& tests = *testing::UnitTest::GetInstance();
  for (int i = 0; i < tests.total_test_suite_count(); ++i) {
    const testing::TestSuite& each = *tests.GetTestSuite(i);
    if (each.name() != suite) continue;
    for (int j = 0; j < each.total_test_count(); ++j) {
      if (absl::StartsWith(each.GetTestInfo(j)->name(), absl::StrCat(beginning))) return true;
    }
  }
  return false;
}

// The rule's row in README; empty if there is none.
std::string ReadmeRowOf(absl::string_view id) {
  std::ifstream file(HOPTRAIL_README);
  std::string line;
  while (std::getline(file, line)) {
    if (absl::StartsWith(line, absl::StrCat("| `", id, "` |"))) return line;
  }
  return "";
}

TEST(RegistryTest, EveryRule_HasItsMetadata) {
  ASSERT_FALSE(AllHostRules().empty());
  std::set<absl::string_view> ids;
  for (const HostRuleEntry& entry : AllHostRules()) {
    const detect::RuleInfo& info = entry.info();
    SCOPED_TRACE(std::string(info.id));
    EXPECT_TRUE(IsId(info.id));
    EXPECT_TRUE(ids.insert(info.id).second) << "registered twice";
    EXPECT_FALSE(info.title.empty());
    EXPECT_FALSE(info.check.empty());
    EXPECT_NE(info.severity, model::Severity::kUnknown);
    EXPECT_FALSE(info.techniques.empty());
    for (absl::string_view technique : info.techniques) EXPECT_TRUE(IsTechnique(technique));
    EXPECT_FALSE(info.benign_causes.empty());
    for (absl::string_view cause : info.benign_causes) EXPECT_FALSE(cause.empty());
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
    const detect::RuleInfo& info = entry.info();
    SCOPED_TRACE(std::string(info.id));
    const std::string row = ReadmeRowOf(info.id);
    EXPECT_FALSE(row.empty());
    for (absl::string_view technique : info.techniques) {
      EXPECT_TRUE(absl::StrContains(row, technique)) << technique;
    }
  }
}

TEST(RegistryTest, EveryRule_HasATestThatFiresAndOneThatDoesNot) {
  for (const HostRuleEntry& entry : AllHostRules()) {
    const std::string suite = SuiteOf(entry.info().id);
    EXPECT_TRUE(HasTest(suite, "Fires_")) << suite;
    EXPECT_TRUE(HasTest(suite, "StaysSilent_")) << suite;
  }
  EXPECT_FALSE(HasTest("NoSuchRuleTest", ""));
  EXPECT_FALSE(HasTest("RegistryTest", "Fires_"));
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
