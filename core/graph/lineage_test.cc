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

model::SessionId Long(size_t n) {
  model::SessionId id;
  id.bytes[14] = static_cast<uint8_t>(n >> 8);
  id.bytes[15] = static_cast<uint8_t>(n);
  return id;
}

Link LongFrom(size_t parent) {
  Link link = HopFrom(0, 1);
  link.parent = Long(parent);
  link.hop.bytes[1] = static_cast<uint8_t>(parent);
  link.hop.bytes[2] = static_cast<uint8_t>(parent >> 8);
  return link;
}

TEST(LineageTest, PathOfTooManySessions_IsCutInEitherOrder) {
  constexpr size_t kMax = Lineage::kMaxPath;
  for (const bool root_first : {true, false}) {
    SCOPED_TRACE(root_first);
    Lineage lineage;
    for (size_t i = 1; i <= kMax; ++i) {
      const size_t parent = root_first ? i : kMax + 1 - i;
      lineage.Offer(Long(parent + 1), LongFrom(parent));
    }
    // 257 sessions in a line: the link that came last is not taken.
    const size_t cut = root_first ? kMax + 1 : 2;
    EXPECT_TRUE(lineage.IsCut(Long(cut)));
    EXPECT_EQ(lineage.Parent(Long(cut)), nullptr);
    EXPECT_EQ(lineage.Root(Long(kMax + 1)), Long(cut));
    EXPECT_FALSE(lineage.IsCut(Long(cut == 2 ? 3 : 2)));
    EXPECT_EQ(lineage.Depth(Long(kMax)), root_first ? kMax - 1 : kMax - 2);
    EXPECT_EQ(lineage.PathLength(Long(kMax)), root_first ? kMax : kMax - 1);
  }
}

TEST(LineageTest, ShortenedPath_HasRoomAgain) {
  Lineage lineage;
  for (size_t i = 1; i < Lineage::kMaxPath; ++i) lineage.Offer(Long(i + 1), LongFrom(i));
  const Link link = LongFrom(Lineage::kMaxPath);
  EXPECT_FALSE(lineage.Offer(Long(1000), link).changed);
  // A second line below the first session keeps the tree high; the deepest session is free.
  lineage.Offer(Long(2000), {.parent = Long(1), .hop = Hop(200), .order = 5});
  lineage.Withdraw(Long(2), LinkKind::kHop, LongFrom(1).hop);
  EXPECT_EQ(lineage.Root(Long(Lineage::kMaxPath)), Long(2));
  EXPECT_TRUE(lineage.Offer(Long(1000), LongFrom(Lineage::kMaxPath - 1)).changed);
  // Now 2 to 256 and 1000 are a line of 256 again; nothing may be attached above it.
  EXPECT_FALSE(lineage.Offer(Long(2), {.parent = Long(3000), .hop = Hop(201)}).changed);
  EXPECT_TRUE(lineage.IsCut(Long(2)));
  EXPECT_TRUE(lineage.Offer(Long(2000), {.parent = Long(3000), .hop = Hop(202)}).changed);
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
