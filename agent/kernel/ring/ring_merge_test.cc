#include "agent/kernel/ring/ring_merge.h"

#include <cstring>
#include <string>
#include <vector>

#include "bpf/abi/events.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "agent/kernel/ring/fake_ring.h"

namespace hoptrail::agent::kernel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kMs = 1'000'000;

std::string Record(uint64_t boot_ms) {
  ht_header header = {};
  header.size = sizeof(header);
  header.boot_ns = boot_ms * kMs;
  return std::string(reinterpret_cast<const char*>(&header), sizeof(header));
}

class RingMergeTest : public testing::Test {
 protected:
  RingMergeTest() {
    for (const FakeRing* ring : {&high_, &low_}) {
      absl::StatusOr<Ring> mapped = Ring::Map(ring->handle());
      EXPECT_TRUE(mapped.ok()) << mapped.status();
      merge_.Add(*std::move(mapped), ring == &high_);
    }
  }

  // The boot times, in ms, of the records that are passed on.
  std::vector<uint64_t> Take(uint64_t now_ms) {
    std::vector<uint64_t> times;
    const absl::StatusOr<size_t> count =
        merge_.Take(now_ms * kMs, [&](const void* data, size_t size) {
          ht_header header;
          ASSERT_EQ(size, sizeof(header));
          std::memcpy(&header, data, sizeof(header));
          times.push_back(header.boot_ns / kMs);
        });
    EXPECT_TRUE(count.ok()) << count.status();
    EXPECT_EQ(count.value_or(0), times.size());
    return times;
  }

  FakeRing high_, low_;
  RingMerge merge_;
};

TEST_F(RingMergeTest, RecordsInBothRings_AreMergedByBootTime) {
  high_.Write(Record(101), 0);
  high_.Write(Record(104), 0);
  low_.Write(Record(102), 0);
  low_.Write(Record(103), 0);
  EXPECT_THAT(Take(105), IsEmpty());
  EXPECT_EQ(merge_.UntilDue(105 * kMs, absl::Seconds(1)), absl::Milliseconds(1));
  EXPECT_THAT(Take(120), ElementsAre(101, 102, 103, 104));
  EXPECT_EQ(merge_.UntilDue(120 * kMs, absl::Seconds(1)), absl::Seconds(1));
}

// The fork in the low ring is not finished, and its child's records must follow it. The window
// counts from the record before it.
TEST_F(RingMergeTest, UnfinishedRecord_HoldsBackLaterOnesOfBothRings) {
  low_.Write(Record(95), 0);
  low_.Write(Record(100), 0);
  uint32_t* const fork = low_.Write(Record(101), BPF_RINGBUF_BUSY_BIT);
  high_.Write(Record(102), 0);
  EXPECT_THAT(Take(150), ElementsAre(95));
  EXPECT_THAT(Take(300), IsEmpty());
  EXPECT_EQ(merge_.UntilDue(300 * kMs, absl::Seconds(1)), absl::Milliseconds(1));
  *fork &= ~BPF_RINGBUF_BUSY_BIT;
  EXPECT_THAT(Take(301), ElementsAre(100, 101, 102));
}

TEST_F(RingMergeTest, RecordThatIsNeverFinished_IsWaitedForHalfASecond) {
  low_.Write(Record(100), BPF_RINGBUF_BUSY_BIT);
  high_.Write(Record(102), 0);
  EXPECT_THAT(Take(200), IsEmpty());
  EXPECT_THAT(Take(699), IsEmpty());
  EXPECT_THAT(Take(701), ElementsAre(102));
}

// A finished record shows that the writer makes progress.
TEST_F(RingMergeTest, FinishedRecord_RestartsTheWaitForTheNextOne) {
  uint32_t* const first = low_.Write(Record(100), BPF_RINGBUF_BUSY_BIT);
  low_.Write(Record(101), BPF_RINGBUF_BUSY_BIT);
  high_.Write(Record(102), 0);
  EXPECT_THAT(Take(200), IsEmpty());
  *first &= ~BPF_RINGBUF_BUSY_BIT;
  EXPECT_THAT(Take(650), IsEmpty());
  EXPECT_THAT(Take(1149), IsEmpty());
  EXPECT_THAT(Take(1151), ElementsAre(100, 102));
}

TEST_F(RingMergeTest, LowRecord_WakesNobodyAndKeepsItsPlaceInTheOrder) {
  low_.Write(Record(100), 0);
  EXPECT_THAT(Take(101), IsEmpty());
  EXPECT_EQ(merge_.UntilDue(101 * kMs, absl::Seconds(1)), absl::Seconds(1));
  high_.Write(Record(110), 0);
  low_.Write(Record(111), 0);
  EXPECT_THAT(Take(111), ElementsAre(100));
  EXPECT_EQ(merge_.UntilDue(111 * kMs, absl::Seconds(1)), absl::Milliseconds(4));
  EXPECT_THAT(Take(115), ElementsAre(110));
  EXPECT_EQ(merge_.UntilDue(115 * kMs, absl::Seconds(1)), absl::Seconds(1));
  EXPECT_THAT(Take(1115), ElementsAre(111));
}

TEST_F(RingMergeTest, UrgentRecordsWithoutAPause_AreGatheredForFourMilliseconds) {
  for (uint64_t ms = 100; ms < 105; ++ms) high_.Write(Record(ms), 0);
  EXPECT_THAT(Take(105), ElementsAre(100));
  EXPECT_EQ(merge_.UntilDue(105 * kMs, absl::Seconds(1)), absl::Milliseconds(4));
  EXPECT_THAT(Take(109), ElementsAre(101, 102, 103, 104));
}

// The kernel side may send no wake-up when the record is finished.
TEST_F(RingMergeTest, UnfinishedUrgentRecord_IsPolledForEachMillisecond) {
  uint32_t* const low = low_.Write(Record(100), BPF_RINGBUF_BUSY_BIT);
  EXPECT_THAT(Take(200), IsEmpty());
  EXPECT_EQ(merge_.UntilDue(200 * kMs, absl::Seconds(1)), absl::Seconds(1));
  *low &= ~BPF_RINGBUF_BUSY_BIT;
  high_.Write(Record(201), BPF_RINGBUF_BUSY_BIT);
  EXPECT_THAT(Take(202), IsEmpty());
  EXPECT_EQ(merge_.UntilDue(202 * kMs, absl::Seconds(1)), absl::Milliseconds(1));
}

TEST_F(RingMergeTest, ReleaseAtTheEnd_PassesOnHeldBackRecordsInOrder) {
  low_.Write(Record(101), 0);
  high_.Write(Record(100), 0);
  EXPECT_THAT(Take(102), IsEmpty());
  EXPECT_FALSE(merge_.unfinished());
  std::vector<uint64_t> times;
  const auto receiver = [&](const void* data, size_t) {
    times.push_back(static_cast<const ht_header*>(data)->boot_ns / kMs);
  };
  EXPECT_EQ(merge_.Release(receiver), 2u);
  EXPECT_THAT(times, ElementsAre(100, 101));
  EXPECT_EQ(merge_.Release(receiver), 0u);
}

TEST_F(RingMergeTest, RecordBeingWritten_MakesItUnfinished) {
  uint32_t* const low = low_.Write(Record(100), BPF_RINGBUF_BUSY_BIT);
  EXPECT_THAT(Take(101), IsEmpty());
  EXPECT_TRUE(merge_.unfinished());
  *low &= ~BPF_RINGBUF_BUSY_BIT;
  EXPECT_THAT(Take(110), ElementsAre(100));
  EXPECT_FALSE(merge_.unfinished());
}

TEST_F(RingMergeTest, DiscardedRecord_IsDropped) {
  low_.Write(Record(100), BPF_RINGBUF_DISCARD_BIT);
  low_.Write(Record(101), 0);
  EXPECT_THAT(Take(200), ElementsAre(101));
}

}  // namespace
}  // namespace hoptrail::agent::kernel
