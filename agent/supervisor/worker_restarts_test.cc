#include "agent/supervisor/worker_restarts.h"

#include <signal.h>

#include <algorithm>

#include <gtest/gtest.h>

namespace hoptrail::agent::supervisor {
namespace {

using End = WorkerRestarts::End;

// Statuses of wait(2).
int Exited(int status) { return status << 8; }
constexpr int kKilled = SIGKILL;

class WorkerRestartsTest : public testing::Test {
 protected:
  WorkerRestartsTest() { restarts_.OnStart(now_); }

  // Ends the running worker after `life`.
  End EndAfter(absl::Duration life, int status) {
    now_ += life;
    return restarts_.OnEnd(status, now_);
  }
  absl::Duration Wait() const { return restarts_.due() - now_; }
  void StartNext() {
    now_ = std::max(now_, restarts_.due());
    restarts_.OnStart(now_);
  }

  SteadyTime now_ = SteadyTime::Now();
  WorkerRestarts restarts_;
};

TEST_F(WorkerRestartsTest, RunningWorker_MakesNoneDue) {
  EXPECT_EQ(restarts_.due(), SteadyTime::InfiniteFuture());
  restarts_.OnReady();
  EXPECT_EQ(restarts_.due(), SteadyTime::InfiniteFuture());
}

TEST_F(WorkerRestartsTest, FirstReadyWorker_IsTheFirstOnlyOnce) {
  EXPECT_TRUE(restarts_.OnReady());
  EXPECT_FALSE(restarts_.OnReady());
}

TEST_F(WorkerRestartsTest, ExitBeforeAnyWorkerWasReady_IsHopeless) {
  EXPECT_EQ(EndAfter(absl::Seconds(1), Exited(1)), End::kHopeless);
  EXPECT_EQ(restarts_.due(), SteadyTime::InfiniteFuture());
}

TEST_F(WorkerRestartsTest, KilledBeforeAnyWorkerWasReady_IsAFault) {
  EXPECT_EQ(EndAfter(absl::Seconds(1), kKilled), End::kFault);
  EXPECT_EQ(Wait(), WorkerRestarts::kFirstBackOff);
}

TEST_F(WorkerRestartsTest, EachFault_DoublesTheDelayUpToABound) {
  restarts_.OnReady();
  absl::Duration expected = WorkerRestarts::kFirstBackOff;
  for (int i = 0; i < 12; ++i) {
    ASSERT_EQ(EndAfter(absl::Seconds(1), i % 2 == 0 ? kKilled : Exited(1)), End::kFault);
    EXPECT_EQ(Wait(), expected) << i;
    expected = std::min(2 * expected, WorkerRestarts::kMostBackOff);
    StartNext();
  }
  EXPECT_EQ(expected, WorkerRestarts::kMostBackOff) << "the bound was not reached";
}

TEST_F(WorkerRestartsTest, FaultAfterALongRun_StartsWithTheFirstDelay) {
  restarts_.OnReady();
  EndAfter(absl::Seconds(1), kKilled);
  StartNext();
  EndAfter(WorkerRestarts::kSteadyAfter - absl::Seconds(1), kKilled);
  EXPECT_EQ(Wait(), 2 * WorkerRestarts::kFirstBackOff);
  StartNext();
  EndAfter(WorkerRestarts::kSteadyAfter, kKilled);
  EXPECT_EQ(Wait(), WorkerRestarts::kFirstBackOff);
}

TEST_F(WorkerRestartsTest, WorkerThatMadeRoom_IsFollowedAtOnce) {
  restarts_.OnReady();
  restarts_.OnReplace(/*in_haste=*/true);
  EXPECT_TRUE(restarts_.replacing());
  EXPECT_EQ(EndAfter(absl::Seconds(1), Exited(0)), End::kMadeRoom);
  EXPECT_FALSE(restarts_.replacing());
  EXPECT_LE(restarts_.due(), now_);
}

TEST_F(WorkerRestartsTest, ExitWithoutARequest_IsAFault) {
  restarts_.OnReady();
  EXPECT_EQ(EndAfter(absl::Seconds(1), Exited(0)), End::kFault);
}

TEST_F(WorkerRestartsTest, KilledInsteadOfMakingRoom_IsAFault) {
  restarts_.OnReady();
  restarts_.OnReplace(/*in_haste=*/true);
  EXPECT_EQ(EndAfter(absl::Seconds(10), kKilled), End::kFault);
  EXPECT_EQ(Wait(), WorkerRestarts::kFirstBackOff);
}

TEST_F(WorkerRestartsTest, MakingRoomWithoutHaste_DoublesTheDelay) {
  restarts_.OnReady();
  absl::Duration expected = WorkerRestarts::kFirstBackOff;
  for (int i = 0; i < 3; ++i) {
    restarts_.OnReplace(/*in_haste=*/false);
    ASSERT_EQ(EndAfter(absl::Seconds(1), Exited(0)), End::kMadeRoom);
    EXPECT_EQ(Wait(), expected) << i;
    expected *= 2;
    StartNext();
  }
}

TEST_F(WorkerRestartsTest, Stop_MakesNoneDue) {
  restarts_.OnReady();
  EndAfter(absl::Seconds(1), kKilled);
  restarts_.Stop();
  EXPECT_EQ(restarts_.due(), SteadyTime::InfiniteFuture());
}

TEST_F(WorkerRestartsTest, FailedStart_WaitsForTheLongestDelay) {
  restarts_.OnReady();
  EndAfter(absl::Seconds(1), kKilled);
  restarts_.OnStartFailed(now_);
  EXPECT_EQ(Wait(), WorkerRestarts::kMostBackOff);
}

}  // namespace
}  // namespace hoptrail::agent::supervisor
