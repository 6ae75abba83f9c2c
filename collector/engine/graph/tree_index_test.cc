#include "collector/engine/graph/tree_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/graph/ids_for_test.h"

namespace hoptrail::collector::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(TreeIndexTest, SessionWithoutFlags_MakesNoTree) {
  TreeIndex index;
  EXPECT_THAT(index.Set(Id(1), {.root = Id(1)}), IsEmpty());
  EXPECT_EQ(index.Find(Id(1)), nullptr);
}

TEST(TreeIndexTest, SameEntryAgain_ChangesNoTree) {
  TreeIndex index;
  const TreeIndex::Entry entry{.root = Id(1), .depth = 1, .reached = true};
  EXPECT_THAT(index.Set(Id(2), entry), ElementsAre(Id(1)));
  EXPECT_THAT(index.Set(Id(2), entry), IsEmpty());
}

TEST(TreeIndexTest, ReachedSessions_AreOrderedByDepthThenTime) {
  TreeIndex index;
  index.Set(Id(2), {.root = Id(1), .depth = 1, .opened_wall_ns = 10, .reached = true});
  index.Set(Id(3), {.root = Id(1), .depth = 2, .opened_wall_ns = 30, .reached = true});
  index.Set(Id(4), {.root = Id(1), .depth = 2, .opened_wall_ns = 20, .reached = true});
  const TreeIndex::Tree* tree = index.Find(Id(1));
  ASSERT_NE(tree, nullptr);
  std::vector<model::SessionId> order;
  for (const TreeIndex::ReachedSession& each : tree->reached) order.push_back(each.session);
  EXPECT_THAT(order, ElementsAre(Id(4), Id(3), Id(2)));
}

TEST(TreeIndexTest, SessionThatMovesToAnotherRoot_ChangesBothTrees) {
  TreeIndex index;
  index.Set(Id(3), {.root = Id(1), .depth = 1, .reached = true, .detected = true});
  EXPECT_THAT(index.Set(Id(3), {.root = Id(2), .depth = 2, .reached = true, .detected = true}),
              ElementsAre(Id(1), Id(2)));
  EXPECT_EQ(index.Find(Id(1)), nullptr) << "nothing is left of it";
  ASSERT_NE(index.Find(Id(2)), nullptr);
  EXPECT_THAT(index.Find(Id(2))->detected, ElementsAre(Id(3)));
}

TEST(TreeIndexTest, SessionThatMovesDeeper_ReplacesItsOldEntry) {
  TreeIndex index;
  index.Set(Id(3), {.root = Id(1), .depth = 1, .reached = true});
  EXPECT_THAT(index.Set(Id(3), {.root = Id(1), .depth = 2, .reached = true}), ElementsAre(Id(1)));
  ASSERT_EQ(index.Find(Id(1))->reached.size(), 1u);
  EXPECT_EQ(index.Find(Id(1))->reached.begin()->depth, 2u);
}

TEST(TreeIndexTest, Remove_KeepsTheOtherSessionsOfTheTree) {
  TreeIndex index;
  index.Set(Id(1), {.root = Id(1), .anchor = true});
  index.Set(Id(2), {.root = Id(1), .depth = 1, .reached = true});
  index.Remove(Id(2));
  ASSERT_NE(index.Find(Id(1)), nullptr);
  EXPECT_THAT(index.Find(Id(1))->reached, IsEmpty());
  EXPECT_THAT(index.Find(Id(1))->anchors, ElementsAre(Id(1)));
  index.Remove(Id(1));
  EXPECT_EQ(index.Find(Id(1)), nullptr);
}

}  // namespace
}  // namespace hoptrail::collector::engine
