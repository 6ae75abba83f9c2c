#include "collector/path/fleet_judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/path/world_for_test.h"

namespace hoptrail::collector::path {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class FleetJudgeTest : public testing::Test, protected WorldForTest {
 protected:
  // n sessions of one path, all of them ann's.
  void AddPath(uint16_t sessions) {
    for (uint16_t n = 1; n <= sessions; ++n) {
      Add(n, "ann");
      if (n == 1) continue;
      Hop(n - 1, n);
      Reach(n, n - 1u);
    }
  }
  void Reach(uint16_t n, uint32_t depth) {
    tree_.reached.insert({depth, world().sessions[Id(n)].value->opened_wall_ns, Id(n)});
  }
  // As the engine does with what was judged.
  void Stand(const model::Detection& detection) {
    world().detections[detection.id] = detection;
    SessionNode& node = world().sessions[detection.session];
    if (std::find(node.detections.begin(), node.detections.end(), detection.id) ==
        node.detections.end()) {
      node.detections.push_back(detection.id);
    }
    tree_.detected.insert(detection.session);
  }
  std::vector<model::Detection> JudgeTree() {
    return FleetJudge(options_, &world()).JudgeTree(Id(1), tree_);
  }
  std::vector<model::Detection> JudgeSession(uint16_t n) {
    return FleetJudge(options_, &world()).JudgeSession(Id(n));
  }

  RuleOptions options_;
  TreeIndex::Tree tree_;
};

TEST_F(FleetJudgeTest, OneHopIsNoPathOfMany) {
  AddPath(2);
  EXPECT_THAT(JudgeTree(), IsEmpty());
}

TEST_F(FleetJudgeTest, AGrowingPathKeepsItsDetection) {
  AddPath(3);
  std::vector<model::Detection> first = JudgeTree();
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_EQ(first[0].rule, "multi-hop");
  EXPECT_EQ(first[0].evidence["depth"], "2");
  Stand(first[0]);
  Add(4, "ann");
  Hop(3, 4);
  Reach(4, 3);
  std::vector<model::Detection> grown = JudgeTree();
  ASSERT_THAT(grown, SizeIs(1));
  EXPECT_EQ(grown[0].id, first[0].id);
  EXPECT_EQ(grown[0].evidence["depth"], "3");
}

TEST_F(FleetJudgeTest, ADetectionThatShouldNotStandIsWithdrawn) {
  AddPath(3);
  const std::vector<model::Detection> first = JudgeTree();
  ASSERT_THAT(first, SizeIs(1));
  Stand(first[0]);
  tree_.reached.erase(tree_.reached.begin());  // the last hop turned out to be another's
  const std::vector<model::Detection> after = JudgeTree();
  ASSERT_THAT(after, SizeIs(1));
  EXPECT_EQ(after[0].id, first[0].id);
  EXPECT_TRUE(FleetJudge::IsWithdrawn(after[0]));
  EXPECT_EQ(after[0].severity, model::Severity::kInfo);
  Stand(after[0]);
  EXPECT_THAT(JudgeTree(), IsEmpty()) << "once";
}

TEST_F(FleetJudgeTest, OfTwoPathsThatBecomeOneTheSecondDetectionIsWithdrawn) {
  AddPath(3);
  const std::vector<model::Detection> first = JudgeTree();
  ASSERT_THAT(first, SizeIs(1));
  Stand(first[0]);
  model::Detection other = first[0];
  other.id.bytes.fill(0xff);
  Stand(other);
  const std::vector<model::Detection> after = JudgeTree();
  ASSERT_THAT(after, SizeIs(2));
  EXPECT_EQ(after[0].id, other.id);
  EXPECT_TRUE(FleetJudge::IsWithdrawn(after[0]));
  EXPECT_EQ(after[1].id, first[0].id);
  EXPECT_FALSE(FleetJudge::IsWithdrawn(after[1]));
}

TEST_F(FleetJudgeTest, AnIdThatAnotherPathTookAlongIsNotUsedTwice) {
  AddPath(3);
  const std::vector<model::Detection> first = JudgeTree();
  ASSERT_THAT(first, SizeIs(1));
  world().detections[first[0].id] = first[0];  // of a session that is not of this tree
  const std::vector<model::Detection> again = JudgeTree();
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_NE(again[0].id, first[0].id);
}

TEST_F(FleetJudgeTest, ARuleThatIsOffFindsNothing) {
  AddPath(3);
  options_.multi_hop = false;
  EXPECT_THAT(JudgeTree(), IsEmpty());
}

TEST_F(FleetJudgeTest, ManyHostsFromOneRootAreASpread) {
  Add(1, "ann");
  for (uint16_t n = 2; n <= 5; ++n) {
    Add(n, "ann");
    Hop(1, n);
    Reach(n, 1);
  }
  EXPECT_THAT(JudgeTree(), IsEmpty()) << "four are too few";
  Add(6, "ann");
  Hop(1, 6);
  Reach(6, 1);
  const std::vector<model::Detection> found = JudgeTree();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].rule, "spread");
  EXPECT_EQ(found[0].session, Id(1));
  options_.spread = false;
  EXPECT_THAT(JudgeTree(), IsEmpty());
}

TEST_F(FleetJudgeTest, AnotherUserOnAHopIsASwitchOnceSomebodyCameIn) {
  Add(1, "ann");
  model::Session& second = Add(2, "root", model::EntryKind::kRemote, /*logged_in=*/false);
  Hop(1, 2);
  EXPECT_THAT(JudgeSession(2), IsEmpty());
  second.logged_in = true;
  const std::vector<model::Detection> found = JudgeSession(2);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].rule, "credential-switch");
  Stand(found[0]);
  second.user = "ann";  // told wrongly at first
  const std::vector<model::Detection> after = JudgeSession(2);
  ASSERT_THAT(after, SizeIs(1));
  EXPECT_TRUE(FleetJudge::IsWithdrawn(after[0]));
  options_.credential_switch = false;
  second.user = "root";
  EXPECT_THAT(JudgeSession(1), IsEmpty());
}

TEST_F(FleetJudgeTest, KnowsItsRules) {
  for (const char* rule : {"multi-hop", "credential-switch", "spread"}) {
    EXPECT_TRUE(FleetJudge::IsFleetRule(rule)) << rule;
  }
  EXPECT_FALSE(FleetJudge::IsFleetRule("pivot"));
  model::Detection pivot;
  pivot.rule = "pivot";
  pivot.evidence["withdrawn"] = "says an agent";
  EXPECT_FALSE(FleetJudge::IsWithdrawn(pivot)) << "an agent withdraws nothing";
}

}  // namespace
}  // namespace hoptrail::collector::path
