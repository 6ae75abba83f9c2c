#include "core/detect/rule.h"

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <gtest/gtest.h>

#include "core/detect/evidence.h"

namespace hoptrail::detect {
namespace {

const RuleInfo& TestRule() {
  static const RuleInfo* const rule =
      new RuleInfo{"test", "A test", {"T1021.004"}, model::Severity::kLow, "look", {"a test"}};
  return *rule;
}

TEST(RuleTest, SameOccurrence_IsTheSameDetection) {
  Occurrence occurrence;
  occurrence.session.bytes[0] = 1;
  occurrence.key = "192.0.2.1:22";
  const model::Detection first = MakeDetection(TestRule(), occurrence);
  occurrence.wall_ns = 5;
  EXPECT_EQ(MakeDetection(TestRule(), occurrence).id, first.id);
  occurrence.key = "192.0.2.2:22";
  EXPECT_NE(MakeDetection(TestRule(), occurrence).id, first.id);
  EXPECT_EQ(first.rule, "test");
  EXPECT_EQ(first.techniques, std::vector<std::string>{"T1021.004"});
  EXPECT_EQ(first.severity, model::Severity::kLow);
}

TEST(RuleTest, DetectionThatItsRuleDoesNotCover_IsRefused) {
  Occurrence occurrence;
  occurrence.session.bytes[0] = 1;
  const model::Detection good = MakeDetection(TestRule(), occurrence);
  EXPECT_EQ(ReasonToRefuse(TestRule(), good), "");
  model::Detection bad = good;
  bad.techniques = {};
  EXPECT_EQ(ReasonToRefuse(TestRule(), bad), "") << "a part of the rule's techniques";
  bad.techniques = {"T1021.004", "T1021"};
  EXPECT_NE(ReasonToRefuse(TestRule(), bad), "");
  bad = good;
  bad.rule = "other";
  EXPECT_NE(ReasonToRefuse(TestRule(), bad), "");
  bad = good;
  bad.session = {};
  EXPECT_NE(ReasonToRefuse(TestRule(), bad), "");
  bad = good;
  bad.occurrence = "another";
  EXPECT_NE(ReasonToRefuse(TestRule(), bad), "");
}

TEST(RuleTest, KeyThatTheWireWouldChange_IsReplacedByItsDigest) {
  Occurrence occurrence;
  occurrence.session.bytes[0] = 1;
  occurrence.key = "192.0.2.1:22";
  EXPECT_EQ(MakeDetection(TestRule(), occurrence).occurrence, "192.0.2.1:22");
  std::set<std::string> digests;
  const std::string longest(model::kMaxOccurrenceBytes, 'x');
  occurrence.key = longest;
  EXPECT_EQ(MakeDetection(TestRule(), occurrence).occurrence, longest);
  for (const std::string& key : {longest + "x", longest + "y", std::string("\xff"),
                                 std::string("/tmp/ä"), std::string("a\nb")}) {
    occurrence.key = key;
    const model::Detection detection = MakeDetection(TestRule(), occurrence);
    EXPECT_LE(detection.occurrence.size(), model::kMaxOccurrenceBytes);
    EXPECT_TRUE(absl::StartsWith(detection.occurrence, "digest:")) << detection.occurrence;
    EXPECT_TRUE(digests.insert(detection.occurrence).second) << key;
    EXPECT_EQ(ReasonToRefuse(TestRule(), detection), "");
  }
}

TEST(EvidenceTest, HugeOrForgedEvidence_IsBoundedAndClean) {
  model::Detection detection;
  AddEvidence(detection, "long", std::string(10'000, 'x'));
  EXPECT_LE(detection.evidence["long"].size(), kMaxEvidenceBytes);
  EXPECT_TRUE(absl::EndsWith(detection.evidence["long"], "…"));
  AddEvidence(detection, "forged", "a\nb");
  EXPECT_EQ(detection.evidence["forged"], "a?b");
  AddEvidence(detection, "empty", "");
  EXPECT_FALSE(detection.evidence.contains("empty"));
  for (int i = 0; i < 100; ++i) AddEvidence(detection, absl::StrCat("n", i), "v");
  EXPECT_EQ(detection.evidence.size(), kMaxEvidenceEntries);
  AddEvidence(detection, "forged", "c");
  EXPECT_EQ(detection.evidence["forged"], "c");
}

TEST(EvidenceTest, LongText_IsCutBetweenCharacters) {
  std::string umlauts;
  for (int i = 0; i < 400; ++i) umlauts += "ä";
  const std::string cut = Bounded(umlauts, 12);
  EXPECT_EQ(cut, "ääää…");
}

TEST(EvidenceTest, BoundedSet_HoldsEachWordOnceAndSaysAndMore) {
  BoundedSet set(2);
  set.Add("b");
  set.Add("a");
  set.Add("b");
  EXPECT_EQ(set.Text(), "a, b");
  set.Add("c");
  EXPECT_EQ(set.Text(), "a, b and more");
}

}  // namespace
}  // namespace hoptrail::detect
