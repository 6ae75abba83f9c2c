#include "agent/spool/sequence_numbers.h"

#include <memory>

#include <gtest/gtest.h>

#include "agent/spool/spool_testing.h"

namespace hoptrail::agent::spool {
namespace {

class SequenceNumbersTest : public testing::Test {
 protected:
  SequenceNumbers MakeNumbers() { return {wire::TestHost(), marks_, &clock_}; }
  uint64_t BootMicroseconds() const { return clock_.BootNs() / 1000; }
  void SetMarks(const Marks& value) {
    ASSERT_TRUE(marks_->Update([&](Marks& marks) { marks = value; }).ok());
  }
  static uint64_t NoneOnDisk(uint64_t, uint64_t) { return 0; }

  TestDirectory directory_;
  FakeClock clock_;
  LossLedger losses_{wire::TestHost()};
  SpoolReporter reporter_{&losses_, /*degradations=*/nullptr, &clock_};
  std::shared_ptr<MarkFile> marks_ = std::make_shared<MarkFile>(directory_.path() + "/marks");
};

TEST_F(SequenceNumbersTest, FirstRun_StartsAtTheBootTime) {
  SequenceNumbers numbers = MakeNumbers();
  EXPECT_FALSE(numbers.Start(/*last_on_disk=*/0, reporter_).known);
  EXPECT_EQ(numbers.next(), BootMicroseconds());
  EXPECT_EQ(numbers.first_of_run(), numbers.next());
  numbers.Advance(3);
  EXPECT_EQ(numbers.last(), BootMicroseconds() + 2);
  EXPECT_EQ(numbers.first_of_run(), BootMicroseconds());
}

TEST_F(SequenceNumbersTest, NumbersOnDiskAboveTheBootTime_AreNotUsedAgain) {
  SequenceNumbers numbers = MakeNumbers();
  const uint64_t last = BootMicroseconds() + 1000;
  numbers.Start(last, reporter_);
  EXPECT_EQ(numbers.next(), last + 1);
}

TEST_F(SequenceNumbersTest, NumbersAboveTheBootTime_AreMarkedForTheNextRun) {
  SequenceNumbers numbers = MakeNumbers();
  numbers.Start(0, reporter_);
  const uint64_t low = BootMicroseconds();
  EXPECT_TRUE(numbers.IsBelowBootTime(low));
  ASSERT_TRUE(numbers.Mark(low, /*state_behind=*/false).ok());
  EXPECT_EQ(marks_->Get().used_sequence, 0u);
  const uint64_t high = low + 5'000'000;
  EXPECT_FALSE(numbers.IsBelowBootTime(high));
  ASSERT_TRUE(numbers.Mark(high, /*state_behind=*/true).ok());
  SequenceNumbers next_run = MakeNumbers();
  const SequenceNumbers::LastRun last_run = next_run.Start(0, reporter_);
  EXPECT_TRUE(last_run.known);
  EXPECT_TRUE(last_run.state_behind);
  EXPECT_GT(next_run.next(), high);
}

TEST_F(SequenceNumbersTest, RecordsInMemoryOfTheLastRun_AreLostAboveTheAcknowledgedOnes) {
  SequenceNumbers numbers = MakeNumbers();
  numbers.Start(0, reporter_);
  const uint64_t first = numbers.next();
  numbers.OnInMemory(first);
  numbers.Advance(10);
  ASSERT_TRUE(numbers.Mark(numbers.last(), false).ok());
  SequenceNumbers next_run = MakeNumbers();
  next_run.Start(0, reporter_);
  const auto two_on_disk = [&](uint64_t after, uint64_t last) -> uint64_t {
    EXPECT_EQ(after, first + 3);
    EXPECT_EQ(last, first + 9);
    return 2;
  };
  EXPECT_EQ(next_run.TakeLost(/*acknowledged=*/first + 3, two_on_disk), 4u);
  EXPECT_EQ(next_run.TakeLost(0, NoneOnDisk), 0u) << "counted once";
}

TEST_F(SequenceNumbersTest, RecordsMovedToDisk_AreNotLost) {
  SequenceNumbers numbers = MakeNumbers();
  numbers.Start(0, reporter_);
  numbers.OnInMemory(numbers.next());
  EXPECT_TRUE(numbers.in_memory());
  numbers.Advance(10);
  numbers.OnDiskUpToDate();
  ASSERT_TRUE(numbers.Mark(numbers.last(), false).ok());
  SequenceNumbers next_run = MakeNumbers();
  next_run.Start(0, reporter_);
  EXPECT_EQ(next_run.TakeLost(0, NoneOnDisk), 0u);
}

TEST_F(SequenceNumbersTest, TooManyRunsWithRecordsInMemory_TheOldestIsReportedAsLost) {
  Marks marks{.host = wire::TestHost()};
  for (uint64_t i = 0; i < Marks::kMaxRanges; ++i) {
    marks.in_memory.push_back({.first = 10 * i + 1, .last = 10 * i + 7});
  }
  SetMarks(marks);
  SequenceNumbers numbers = MakeNumbers();
  numbers.Start(0, reporter_);
  EXPECT_EQ(losses_.total(), 7u);
  EXPECT_EQ(numbers.TakeLost(0, NoneOnDisk), 7 * (Marks::kMaxRanges - 1));
}

TEST_F(SequenceNumbersTest, AssumedHost_HasTheGivenUpRecordsReportedByItsRun) {
  model::HostId assumed = wire::TestHost();
  assumed.boot.bytes.fill(9);
  SequenceNumbers numbers = MakeNumbers();
  numbers.Start(0, reporter_);
  ASSERT_TRUE(numbers.MarkAssumed(assumed, /*given_up=*/5).ok());
  EXPECT_EQ(SpokenFor(marks_->Get(), wire::TestHost()), assumed);
  SequenceNumbers next_run(assumed, marks_, &clock_);
  EXPECT_TRUE(next_run.Start(0, reporter_).known);
  EXPECT_EQ(losses_.total(), 5u);
}

}  // namespace
}  // namespace hoptrail::agent::spool
