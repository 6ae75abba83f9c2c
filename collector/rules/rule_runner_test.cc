#include "collector/rules/rule_runner.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/values/path_for_test.h"
#include "core/detect/rule.h"

namespace hoptrail::collector::rules {
namespace {

using engine::MakePath;
using engine::PathChange;
using engine::PathExtent;
using engine::PathView;
using engine::SessionChange;
using engine::Step;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const hoptrail::detect::RuleInfo& TestInfo() {
  static const auto& info = *new hoptrail::detect::RuleInfo{
      .id = "test", .title = "A test", .techniques = {"T1000"}, .severity = model::Severity::kLow};
  return info;
}

// Detects everything, with the techniques that the test sets.
class TestRule : public FleetRule {
 public:
  explicit TestRule(const std::vector<std::string>* techniques) : techniques_(techniques) {}

  const hoptrail::detect::RuleInfo& info() const override { return TestInfo(); }
  Interests interests() const override { return kSessions | kPaths | kAgentTrouble; }
  Concern ConcernWith(const PathExtent&) const override { return Concern::kEvaluate; }
  std::optional<model::Detection> OnSession(const SessionChange& change) const override {
    return Detect(change.path.back());
  }
  std::optional<model::Detection> OnPath(const PathChange& change) const override {
    return Detect(change.root);
  }
  std::optional<model::Detection> OnAgentTrouble(
      const engine::AgentTrouble& trouble) const override {
    return Detect(trouble.suspect);
  }

 private:
  model::Detection Detect(const Step& step) const {
    model::Detection detection =
        hoptrail::detect::MakeDetection(TestInfo(), {.session = step.session});
    detection.techniques = *techniques_;
    return detection;
  }

  const std::vector<std::string>* const techniques_;
};

class RuleRunnerTest : public testing::Test {
 protected:
  // Stores the detections, as the engine does.
  RuleRunner::Detections Store(RuleRunner::Detections detections) {
    for (const model::Detection& each : detections) stored_[each.id] = each;
    return detections;
  }
  RuleRunner::Detections OnSession(RuleRunner& runner, const PathView& path, bool entered) {
    const SessionChange change{path};
    return Store(runner.OnSession(path.back().session, entered ? &change : nullptr, Find()));
  }
  RuleRunner::Detections OnPath(RuleRunner& runner, const PathView& path) {
    std::vector<const model::Detection*> present;
    for (const auto& [id, detection] : stored_) {
      for (const Step& step : path) {
        if (detection.session == step.session) present.push_back(&detection);
      }
    }
    const PathExtent extent{.depth = path.back().depth, .reached = path.size() - 1};
    const auto read = [&] {
      ++reads_;
      return PathChange{.root = path.front(), .deepest = path};
    };
    return Store(runner.OnPath(extent, read, present, Find()));
  }
  std::function<const model::Detection*(const model::DetectionId&)> Find() {
    return [this](const model::DetectionId& id) -> const model::Detection* {
      auto it = stored_.find(id);
      return it == stored_.end() ? nullptr : &it->second;
    };
  }

  std::map<model::DetectionId, model::Detection> stored_;
  int reads_ = 0;
};

TEST_F(RuleRunnerTest, SessionDetectionWithoutGround_IsWithdrawnOnce) {
  RuleRunner runner{v1::FleetRulesConfig()};
  const PathView path = MakePath({{"staff", "gw"}, {"deploy", "web"}});
  const auto fired = OnSession(runner, path, true);
  ASSERT_THAT(fired, SizeIs(1));
  EXPECT_FALSE(RuleRunner::IsWithdrawn(fired[0]));
  const auto withdrawn = OnSession(runner, path, false);
  ASSERT_THAT(withdrawn, SizeIs(1));
  EXPECT_EQ(withdrawn[0].id, fired[0].id);
  EXPECT_EQ(withdrawn[0].severity, model::Severity::kInfo);
  EXPECT_TRUE(RuleRunner::IsWithdrawn(withdrawn[0]));
  EXPECT_THAT(OnSession(runner, path, false), IsEmpty());
}

TEST_F(RuleRunnerTest, DisabledRule_WithdrawsItsDetectionsAndWantsNoChanges) {
  const PathView path = MakePath({{"staff", "gw"}, {"deploy", "web"}});
  RuleRunner on{v1::FleetRulesConfig()};
  ASSERT_THAT(OnSession(on, path, true), SizeIs(1));
  v1::FleetRulesConfig off;
  off.mutable_credential_switch()->set_disabled(true);
  off.mutable_blind_hop()->set_disabled(true);
  off.mutable_disputed_end()->set_disabled(true);
  RuleRunner runner(off);
  EXPECT_FALSE(runner.Wants(kSessions));
  EXPECT_TRUE(runner.Wants(kPaths));
  const auto withdrawn = OnSession(runner, path, true);
  ASSERT_THAT(withdrawn, SizeIs(1));
  EXPECT_TRUE(RuleRunner::IsWithdrawn(withdrawn[0]));
}

TEST_F(RuleRunnerTest, PathThatGrows_KeepsTheIdOfItsDetection) {
  RuleRunner runner{v1::FleetRulesConfig()};
  const auto first = OnPath(runner, MakePath({{"x", "a"}, {"x", "b"}, {"x", "c"}}));
  ASSERT_THAT(first, SizeIs(1));
  const auto longer = OnPath(runner, MakePath({{"x", "a"}, {"x", "b"}, {"x", "c"}, {"x", "d"}}));
  ASSERT_THAT(longer, SizeIs(1));
  EXPECT_EQ(longer[0].id, first[0].id);
  EXPECT_NE(longer[0].session, first[0].session);
}

TEST_F(RuleRunnerTest, PathThatShrinks_HasItsDetectionWithdrawn) {
  RuleRunner runner{v1::FleetRulesConfig()};
  ASSERT_THAT(OnPath(runner, MakePath({{"x", "a"}, {"x", "b"}, {"x", "c"}})), SizeIs(1));
  stored_.begin()->second.session = MakePath({{"x", "a"}})[0].session;
  const auto left = OnPath(runner, MakePath({{"x", "a"}, {"x", "b"}}));
  ASSERT_THAT(left, SizeIs(1));
  EXPECT_TRUE(RuleRunner::IsWithdrawn(left[0]));
}

TEST_F(RuleRunnerTest, IdKeptByASplitOffPath_IsNotUsedTwice) {
  RuleRunner runner{v1::FleetRulesConfig()};
  const PathView path = MakePath({{"x", "a"}, {"x", "b"}, {"x", "c"}});
  const auto first = OnPath(runner, path);
  ASSERT_THAT(first, SizeIs(1));
  // It is on a session of another path now.
  stored_[first[0].id].session.bytes[0] = 99;
  const auto second = OnPath(runner, path);
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_NE(second[0].id, first[0].id);
}

TEST_F(RuleRunnerTest, PathBelowTheLeastDepth_IsNotRead) {
  RuleRunner runner{v1::FleetRulesConfig()};
  OnPath(runner, MakePath({{"x", "a"}, {"x", "b"}}));
  EXPECT_EQ(reads_, 0);
  OnPath(runner, MakePath({{"x", "a"}, {"x", "b"}, {"x", "c"}}));
  EXPECT_EQ(reads_, 1);
}

TEST_F(RuleRunnerTest, DetectionWithATechniqueOutsideTheMetadata_IsRefusedAndCounted) {
  std::vector<std::string> techniques = {"T1000"};
  std::vector<RuleRunner::Entry> entries;
  entries.push_back({std::make_unique<TestRule>(&techniques), true});
  RuleRunner runner(std::move(entries));
  const PathView path = MakePath({{"x", "a"}, {"x", "b"}});
  const engine::AgentTrouble trouble{.suspect = path[1]};
  EXPECT_THAT(OnSession(runner, path, true), SizeIs(1));
  EXPECT_THAT(runner.OnAgentTrouble(trouble), SizeIs(1));
  EXPECT_THAT(OnPath(runner, path), SizeIs(1));
  EXPECT_EQ(runner.refused(), 0u);
  techniques.emplace_back("T1021");
  EXPECT_THAT(OnSession(runner, path, true), IsEmpty()) << "the present one is not withdrawn";
  EXPECT_THAT(OnPath(runner, path), IsEmpty());
  EXPECT_THAT(runner.OnAgentTrouble(trouble), IsEmpty());
  EXPECT_EQ(runner.refused(), 3u);
}

TEST_F(RuleRunnerTest, DetectionFromAnAgent_IsNeverWithdrawn) {
  model::Detection detection;
  detection.rule = "pivot";
  detection.evidence["withdrawn"] = "says the agent";
  EXPECT_FALSE(RuleRunner::IsWithdrawn(detection));
}

}  // namespace
}  // namespace hoptrail::collector::rules
