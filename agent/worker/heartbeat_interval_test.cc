#include "agent/worker/heartbeat_interval.h"

#include <gtest/gtest.h>

namespace hoptrail::agent {
namespace {

TEST(HeartbeatInterval, SomebodyLoggedIn_MakesItShorter) {
  FakeClock clock;
  HeartbeatInterval interval(&clock);
  interval.OnRound();
  EXPECT_EQ(interval.Get(), absl::Seconds(5));
  EXPECT_TRUE(interval.SetOccupied(true));
  EXPECT_FALSE(interval.SetOccupied(true));
  EXPECT_EQ(interval.Get(), absl::Seconds(1));
  EXPECT_TRUE(interval.SetOccupied(false));
  EXPECT_EQ(interval.Get(), absl::Seconds(5));
}

TEST(HeartbeatInterval, StalledThread_SendsNoHeartbeats) {
  FakeClock clock;
  HeartbeatInterval interval(&clock);
  interval.OnRound();
  clock.AdvanceNs(5'000'000'000);
  EXPECT_EQ(interval.Get(), absl::Seconds(5));
  clock.AdvanceNs(1);
  EXPECT_EQ(interval.Get(), absl::InfiniteDuration());
  interval.OnRound();
  EXPECT_EQ(interval.Get(), absl::Seconds(5));
}

}  // namespace
}  // namespace hoptrail::agent
