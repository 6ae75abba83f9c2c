#include "agent/spool/degradations.h"

#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoptrail::agent::spool {
namespace {

using model::Degradation;
using model::DegradationKind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DegradationsTest : public testing::Test {
 protected:
  FakeClock clock_;
  int changed_ = 0;
  Degradations degradations_{[this] { ++changed_; }, &clock_};
};

TEST_F(DegradationsTest, AddedDegradation_HoldsUntilCleared) {
  EXPECT_THAT(degradations_.Current(), IsEmpty());
  const int64_t since = clock_.WallNs();
  degradations_.Add(DegradationKind::kSpoolFull, "256 MiB");
  clock_.AdvanceNs(5'000'000'000);
  degradations_.Add(DegradationKind::kKernelDetached, "no heartbeat");
  EXPECT_THAT(degradations_.Current(),
              ElementsAre(Degradation{DegradationKind::kSpoolFull, "256 MiB", since},
                          Degradation{DegradationKind::kKernelDetached, "no heartbeat",
                                      since + 5'000'000'000}));
  degradations_.Clear(DegradationKind::kSpoolFull);
  EXPECT_THAT(degradations_.Current(),
              ElementsAre(Degradation{DegradationKind::kKernelDetached, "no heartbeat",
                                      since + 5'000'000'000}));
}

TEST_F(DegradationsTest, AddedAgain_ReplacesTheDetailAndKeepsTheBeginning) {
  const int64_t since = clock_.WallNs();
  degradations_.Add(DegradationKind::kLosingRecords, "1 lost");
  clock_.AdvanceNs(1'000'000'000);
  degradations_.Add(DegradationKind::kLosingRecords, "2 lost");
  EXPECT_THAT(degradations_.Current(),
              ElementsAre(Degradation{DegradationKind::kLosingRecords, "2 lost", since}));
}

// A repeated Add() of a degradation that holds already is no change.
TEST_F(DegradationsTest, RepeatedAdd_NotifiesOfBeginningAndEndOnly) {
  degradations_.Clear(DegradationKind::kSpoolFull);
  EXPECT_EQ(changed_, 0);
  EXPECT_EQ(degradations_.changes(), 0u);
  degradations_.Add(DegradationKind::kSpoolFull, "once");
  degradations_.Add(DegradationKind::kSpoolFull, "twice");
  EXPECT_EQ(changed_, 1);
  EXPECT_EQ(degradations_.changes(), 1u);
  degradations_.Clear(DegradationKind::kSpoolFull);
  EXPECT_EQ(changed_, 2);
  EXPECT_EQ(degradations_.changes(), 2u);
}

TEST_F(DegradationsTest, GivenDuration_EndsByTheBootClock) {
  degradations_.Add(DegradationKind::kClockStepped, "by an hour", absl::Hours(1));
  clock_.StepWallNs(7'200'000'000'000);
  EXPECT_EQ(degradations_.Current().size(), 1u);
  clock_.AdvanceNs(3'599'000'000'000);
  EXPECT_EQ(degradations_.Current().size(), 1u);
  degradations_.Add(DegradationKind::kClockStepped, "again", absl::Hours(1));
  clock_.AdvanceNs(3'599'000'000'000);
  EXPECT_EQ(degradations_.Current().size(), 1u);
  EXPECT_EQ(degradations_.changes(), 1u);
  clock_.AdvanceNs(1'000'000'000);
  EXPECT_EQ(degradations_.changes(), 2u);
  EXPECT_THAT(degradations_.Current(), IsEmpty());
}

TEST(Degradations, ManyThreads_LeaveNoDegradationBehind) {
  Degradations degradations;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&degradations] {
      for (int round = 0; round < 1000; ++round) {
        degradations.Add(DegradationKind::kSpoolFull, "full");
        (void)degradations.Current();
        degradations.Clear(DegradationKind::kSpoolFull);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(degradations.Current(), IsEmpty());
  EXPECT_EQ(degradations.changes() % 2, 0u);
  EXPECT_GE(degradations.changes(), 2000u);
}

}  // namespace
}  // namespace hoptrail::agent::spool
