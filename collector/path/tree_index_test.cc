#include "collector/path/tree_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoptrail::collector::path {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

model::SessionId Id(uint8_t n) {
  model::SessionId id;
  id.bytes[0] = n;
  return id;
}

std::vector<uint8_t> Reached(const TreeIndex& index, uint8_t root) {
  std::vector<uint8_t> sessions;
  const TreeIndex::Tree* tree = index.Find(Id(root));
  if (tree == nullptr) return sessions;
  for (const TreeIndex::Deepest& each : tree->reached) sessions.push_back(each.session.bytes[0]);
  return sessions;
}

TEST(TreeIndexTest, KeepsTheReachedDeepestFirstThenTheEarliest) {
  TreeIndex index;
  EXPECT_THAT(index.Set(Id(2), {.root = Id(1), .depth = 1, .opened_wall_ns = 5, .reached = true}),
              ElementsAre(Id(1)));
  index.Set(Id(3), {.root = Id(1), .depth = 2, .opened_wall_ns = 9, .reached = true});
  index.Set(Id(4), {.root = Id(1), .depth = 2, .opened_wall_ns = 7, .reached = true});
  EXPECT_THAT(Reached(index, 1), ElementsAre(4, 3, 2));
}

TEST(TreeIndexTest, WhatDoesNotMatterIsNotKept) {
  TreeIndex index;
  EXPECT_THAT(index.Set(Id(2), {.root = Id(1), .depth = 3}), IsEmpty());
  EXPECT_EQ(index.Find(Id(1)), nullptr);
}

TEST(TreeIndexTest, TheSameAgainChangesNothing) {
  TreeIndex index;
  const TreeIndex::Entry entry{.root = Id(1), .detected = true};
  EXPECT_THAT(index.Set(Id(2), entry), ElementsAre(Id(1)));
  EXPECT_THAT(index.Set(Id(2), entry), IsEmpty());
}

TEST(TreeIndexTest, AnotherEntryOfTheSameTreeNamesItOnce) {
  TreeIndex index;
  index.Set(Id(2), {.root = Id(1), .depth = 1, .reached = true});
  EXPECT_THAT(index.Set(Id(2), {.root = Id(1), .depth = 2, .reached = true}), ElementsAre(Id(1)));
  ASSERT_NE(index.Find(Id(1)), nullptr);
  ASSERT_EQ(index.Find(Id(1))->reached.size(), 1u);
  EXPECT_EQ(index.Find(Id(1))->reached.begin()->depth, 2u);
}

TEST(TreeIndexTest, WhoMovesToAnotherTreeTakesAllOfItsMarksAlong) {
  TreeIndex index;
  TreeIndex::Entry entry{
      .root = Id(1), .depth = 1, .reached = true, .detected = true, .home = true};
  index.Set(Id(2), entry);
  entry.root = Id(9);
  EXPECT_THAT(index.Set(Id(2), entry), UnorderedElementsAre(Id(1), Id(9)));
  EXPECT_EQ(index.Find(Id(1)), nullptr) << "nothing in it matters any more";
  const TreeIndex::Tree* tree = index.Find(Id(9));
  ASSERT_NE(tree, nullptr);
  EXPECT_THAT(Reached(index, 9), ElementsAre(2));
  EXPECT_THAT(tree->detected, ElementsAre(Id(2)));
  EXPECT_THAT(tree->homes, ElementsAre(Id(2)));
}

TEST(TreeIndexTest, RemovingOneLeavesTheOthers) {
  TreeIndex index;
  index.Set(Id(2), {.root = Id(1), .depth = 1, .reached = true});
  index.Set(Id(3), {.root = Id(1), .depth = 2, .reached = true});
  index.Remove(Id(3));
  EXPECT_THAT(Reached(index, 1), ElementsAre(2));
  index.Remove(Id(2));
  EXPECT_EQ(index.Find(Id(1)), nullptr);
  index.Remove(Id(2));
  EXPECT_EQ(index.Find(Id(1)), nullptr);
}

}  // namespace
}  // namespace hoptrail::collector::path
