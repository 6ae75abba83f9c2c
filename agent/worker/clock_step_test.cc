#include "agent/worker/clock_step.h"

#include <gtest/gtest.h>

namespace hoptrail::agent {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(ClockStepWatch, EachStep_IsReportedOnce) {
  FakeClock clock;
  ClockStepWatch watch(&clock);
  clock.AdvanceNs(1000 * kSecond);
  EXPECT_FALSE(watch.Take().has_value());
  clock.StepWallNs(-3600 * kSecond);
  EXPECT_EQ(watch.Take(), absl::Hours(-1));
  EXPECT_FALSE(watch.Take().has_value());
  clock.StepWallNs(3600 * kSecond);
  EXPECT_EQ(watch.Take(), absl::Hours(1));
}

TEST(ClockStepWatch, SmallSteps_AddUp) {
  FakeClock clock;
  ClockStepWatch watch(&clock);
  clock.StepWallNs(30 * kSecond);
  EXPECT_FALSE(watch.Take().has_value());
  clock.StepWallNs(29 * kSecond);
  EXPECT_FALSE(watch.Take().has_value());
  clock.StepWallNs(1 * kSecond);
  EXPECT_EQ(watch.Take(), absl::Minutes(1));
}

}  // namespace
}  // namespace hoptrail::agent
