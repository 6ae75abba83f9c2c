#include "core/graph/lineage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/graph/due_queue.h"

namespace hoptrail::graph {
namespace {

using ::testing::ElementsAre;

model::SessionId Id(uint8_t n) {
  model::SessionId id;
  id.bytes[15] = n;
  return id;
}

HopId Hop(uint8_t n) {
  HopId id;
  id.bytes[0] = n;
  return id;
}

Link HopFrom(uint8_t parent, uint8_t hop, model::Proof proof = model::Proof::kProven,
             double probability = 1) {
  return {.parent = Id(parent),
          .hop = Hop(hop),
          .proof = proof,
          .probability = probability,
          .order = hop};
}

TEST(LineageTest, LinksInAnyOrder_MakeOneTree) {
  Lineage lineage;
  lineage.Offer(Id(4), HopFrom(3, 34));
  lineage.Offer(Id(2), HopFrom(1, 12));
  EXPECT_EQ(lineage.Root(Id(4)), Id(3));
  EXPECT_EQ(lineage.Depth(Id(4)), 1u);
  EXPECT_TRUE(lineage.Offer(Id(3), HopFrom(2, 23)).changed);
  EXPECT_EQ(lineage.Root(Id(4)), Id(1));
  EXPECT_EQ(lineage.Depth(Id(4)), 3u);
  EXPECT_THAT(lineage.Ancestry(Id(4), 10), ElementsAre(Id(1), Id(2), Id(3), Id(4)));
  EXPECT_THAT(lineage.Ancestry(Id(4), 2), ElementsAre(Id(3), Id(4)));
  EXPECT_FALSE(lineage.Offer(Id(3), HopFrom(2, 23)).changed);
}

TEST(LineageTest, SeveralOffers_TheBestWinsAndTheNextTakesOver) {
  Lineage lineage;
  lineage.Offer(Id(9), HopFrom(1, 1, model::Proof::kInferred, 0.4));
  lineage.Offer(Id(9), HopFrom(2, 2, model::Proof::kInferred, 0.9));
  EXPECT_EQ(lineage.Root(Id(9)), Id(2));
  lineage.Offer(Id(9), {.parent = Id(3), .kind = LinkKind::kCause});
  EXPECT_EQ(lineage.Root(Id(9)), Id(3));
  EXPECT_EQ(lineage.Depth(Id(9)), 0u);  // causes are no hops
  const auto change = lineage.Offer(Id(9), HopFrom(4, 4));
  EXPECT_EQ(change.old_parent, Id(3));
  EXPECT_EQ(change.new_parent, Id(4));
  lineage.Withdraw(Id(9), LinkKind::kHop, Hop(4));
  EXPECT_EQ(lineage.Root(Id(9)), Id(3));
}

TEST(LineageTest, LinkThatClosesACycle_IsNotTaken) {
  Lineage lineage;
  lineage.Offer(Id(2), HopFrom(1, 12));
  lineage.Offer(Id(3), HopFrom(2, 23));
  EXPECT_FALSE(lineage.Offer(Id(1), HopFrom(3, 31)).changed);
  EXPECT_FALSE(lineage.Offer(Id(1), HopFrom(1, 11)).changed);
  EXPECT_EQ(lineage.Root(Id(3)), Id(1));
}

TEST(LineageTest, Remove_TakesLeavesOnly) {
  Lineage lineage;
  lineage.Offer(Id(2), HopFrom(1, 12));
  lineage.Offer(Id(3), HopFrom(1, 11));
  EXPECT_THAT(lineage.Children(Id(1), 10), ElementsAre(Id(3), Id(2)));  // in order of time
  EXPECT_THAT(lineage.Children(Id(1), 1), ElementsAre(Id(3)));
  EXPECT_FALSE(lineage.Remove(Id(1)));
  EXPECT_TRUE(lineage.Remove(Id(2)));
  EXPECT_TRUE(lineage.Remove(Id(3)));
  EXPECT_TRUE(lineage.Remove(Id(1)));
}

TEST(DueQueueTest, DueItems_ComeInOrder) {
  DueQueue<int> queue;
  queue.Add(20, 2);
  queue.Add(10, 1);
  EXPECT_EQ(queue.TakeDue(9), std::nullopt);
  EXPECT_EQ(queue.TakeDue(15), 1);
  EXPECT_EQ(queue.TakeDue(15), std::nullopt);
  EXPECT_EQ(queue.TakeFirst(), 2);
  EXPECT_EQ(queue.TakeFirst(), std::nullopt);
}

}  // namespace
}  // namespace hoptrail::graph
