#ifndef HOPTRAIL_CORE_DETECT_RULE_CHECKS_FOR_TEST_H_
#define HOPTRAIL_CORE_DETECT_RULE_CHECKS_FOR_TEST_H_

// For the tests of both registries: whether everything that belongs to a rule exists.

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/detect/rule.h"

namespace hoptrail::detect {

inline void ExpectCompleteMetadata(const RuleInfo& info) {
  EXPECT_THAT(std::string(info.id), testing::MatchesRegex("[a-z]+(-[a-z]+)*"));
  EXPECT_FALSE(info.title.empty());
  EXPECT_FALSE(info.check.empty());
  EXPECT_NE(info.severity, model::Severity::kUnknown);
  EXPECT_FALSE(info.techniques.empty());
  for (absl::string_view technique : info.techniques) {
    EXPECT_THAT(std::string(technique), testing::MatchesRegex("T[0-9]{4}(\\.[0-9]{3})?"))
        << technique;
  }
  EXPECT_FALSE(info.benign_causes.empty());
  for (absl::string_view cause : info.benign_causes) EXPECT_FALSE(cause.empty());
}

// "brute-force" is tested by BruteForceRuleTest.
inline std::string SuiteOf(absl::string_view id) {
  std::string suite;
  for (absl::string_view word : absl::StrSplit(id, '-', absl::SkipEmpty())) {
    suite += absl::ascii_toupper(static_cast<unsigned char>(word[0]));
    absl::StrAppend(&suite, word.substr(1));
  }
  return absl::StrCat(suite, "RuleTest");
}

// Whether this program contains a test of the suite that runs, whose name is `prefix`, the
// situation, and perhaps more. A test that was commented out or is disabled does not count.
inline bool HasTest(absl::string_view suite, absl::string_view prefix) {
  const testing::UnitTest& tests = *testing::UnitTest::GetInstance();
  for (int i = 0; i < tests.total_test_suite_count(); ++i) {
    const testing::TestSuite& each = *tests.GetTestSuite(i);
    if (absl::string_view(each.name()) != suite) continue;
    for (int j = 0; j < each.total_test_count(); ++j) {
      const absl::string_view name = each.GetTestInfo(j)->name();
      if (absl::StartsWith(name, prefix) && name.size() > prefix.size()) return true;
    }
  }
  return false;
}

inline void ExpectTests(const RuleInfo& info) {
  const std::string suite = SuiteOf(info.id);
  EXPECT_TRUE(HasTest(suite, "Fires_")) << suite;
  EXPECT_TRUE(HasTest(suite, "StaysSilent_")) << suite;
}

// The techniques in the rule's row of README's table; empty where there is no row.
inline std::set<std::string> TechniquesInReadme(const std::string& readme, absl::string_view id) {
  std::ifstream file(readme);
  std::string line;
  while (std::getline(file, line)) {
    if (!absl::StartsWith(line, absl::StrCat("| `", id, "` |"))) continue;
    const std::vector<std::string> columns = absl::StrSplit(line, " | ");
    if (columns.size() != 4) return {};
    return absl::StrSplit(columns[2], ", ");
  }
  return {};
}

inline void ExpectRowInReadme(const std::string& readme, const RuleInfo& info) {
  const std::set<std::string> techniques(info.techniques.begin(), info.techniques.end());
  EXPECT_EQ(TechniquesInReadme(readme, info.id), techniques);
}

}  // namespace hoptrail::detect

#endif  // HOPTRAIL_CORE_DETECT_RULE_CHECKS_FOR_TEST_H_
