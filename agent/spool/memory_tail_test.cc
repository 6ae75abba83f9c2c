#include "agent/spool/memory_tail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/wire/testing.h"

namespace hoptrail::agent::spool {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

const model::Fact kEdge = wire::TestFacts()[3];
const model::Fact kSession = wire::TestSession();
const model::Fact kLoss = model::Loss{.where = "ring/low", .count = 7};

std::vector<uint64_t> BatchSequences(const absl::StatusOr<v1::Batch>& batch) {
  EXPECT_TRUE(batch.ok()) << batch.status();
  std::vector<uint64_t> sequences;
  for (const v1::Record& record : batch->records()) sequences.push_back(record.sequence());
  return sequences;
}

TEST(MemoryTail, Records_ComeInOrderUntilAcknowledged) {
  MemoryTail tail(100, 1 << 20);
  EXPECT_EQ(tail.Look().first, 0u);
  for (uint64_t i = 10; i < 15; ++i) EXPECT_THAT(tail.Add(Store(kSession, i)), IsEmpty());
  EXPECT_EQ(tail.Look().first, 10u);
  EXPECT_EQ(tail.last_sequence(), 14u);
  EXPECT_THAT(BatchSequences(tail.ReadAfter(0, 1 << 20, tail.Look())),
              ElementsAre(10, 11, 12, 13, 14));
  EXPECT_THAT(BatchSequences(tail.ReadAfter(12, 1 << 20, tail.Look())), ElementsAre(13, 14));
  EXPECT_THAT(BatchSequences(tail.ReadAfter(0, 1, tail.Look())), ElementsAre(10)) << "one at least";
  tail.Acknowledge(12);
  EXPECT_EQ(tail.size(), 2u);
  EXPECT_THAT(BatchSequences(tail.ReadAfter(0, 1 << 20, tail.Look())), ElementsAre(13, 14));
}

TEST(MemoryTail, FullTail_DropsTheOldestLowValueRecordFirst) {
  MemoryTail tail(4, 1 << 20);
  tail.Add(Store(kSession, 1));
  tail.Add(Store(kEdge, 2));
  tail.Add(Store(kEdge, 3));
  tail.Add(Store(kSession, 4));
  EXPECT_TRUE(tail.nearly_full());
  EXPECT_THAT(tail.Add(Store(kSession, 5)), ElementsAre(Pair("edge", 1)));
  EXPECT_THAT(tail.Add(Store(kSession, 6)), ElementsAre(Pair("edge", 1)));
  EXPECT_THAT(tail.Add(Store(kSession, 7)), ElementsAre(Pair("session", 1)));
  EXPECT_THAT(BatchSequences(tail.ReadAfter(0, 1 << 20, tail.Look())), ElementsAre(4, 5, 6, 7));
}

TEST(MemoryTail, FullTail_NeverDropsLossReports) {
  MemoryTail tail(2, 1 << 20);
  tail.Add(Store(kLoss, 1));
  tail.Add(Store(kLoss, 2));
  EXPECT_THAT(tail.Add(Store(kSession, 3)), ElementsAre(Pair("session", 1)));
  EXPECT_THAT(tail.Add(Store(kLoss, 4)), IsEmpty());
  EXPECT_THAT(BatchSequences(tail.ReadAfter(0, 1 << 20, tail.Look())), ElementsAre(1, 2, 4));
}

TEST(MemoryTail, FullTail_IsBoundedInBytes) {
  const size_t bytes = Store(kSession, 1).body.size();
  MemoryTail tail(1000, 3 * bytes);
  for (uint64_t i = 1; i <= 10; ++i) tail.Add(Store(kSession, i));
  EXPECT_LE(tail.size(), 3u);
  EXPECT_GE(tail.size(), 2u);
}

// Between reading the disk and reading memory, records move to the disk and new ones come: the
// reader must not miss those that moved.
TEST(MemoryTail, RecordsMovedToDisk_MakeAnOlderViewEmpty) {
  MemoryTail tail(100, 1 << 20);
  for (uint64_t i = 1; i <= 4; ++i) tail.Add(Store(kSession, i));
  const MemoryTail::View view = tail.Look();
  const std::vector<StoredRecord> oldest = tail.Oldest(2);
  ASSERT_EQ(oldest.size(), 2u);
  EXPECT_EQ(oldest.back().sequence, 2u);
  tail.OnMovedToDisk(2);
  EXPECT_THAT(BatchSequences(tail.ReadAfter(0, 1 << 20, view)), IsEmpty());
  EXPECT_THAT(BatchSequences(tail.ReadAfter(2, 1 << 20, tail.Look())), ElementsAre(3, 4));
  // The same where it was empty at first.
  MemoryTail later(100, 1 << 20);
  const MemoryTail::View empty = later.Look();
  later.Add(Store(kSession, 9));
  EXPECT_THAT(BatchSequences(later.ReadAfter(0, 1 << 20, empty)), IsEmpty());
}

}  // namespace
}  // namespace hoptrail::agent::spool
