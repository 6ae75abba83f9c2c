#include "core/base/clock.h"

#include <limits>

#include <gtest/gtest.h>

namespace hoptrail {
namespace {

TEST(ClockTest, WallFromBoot_KeepsTheDistanceFromNow) {
  const FakeClock clock;
  EXPECT_EQ(clock.WallFromBoot(clock.BootNs()), clock.WallNs());
  EXPECT_EQ(clock.WallFromBoot(clock.BootNs() - 5), clock.WallNs() - 5);
  EXPECT_EQ(clock.WallFromBoot(0), clock.WallNs() - static_cast<int64_t>(clock.BootNs()));
}

TEST(ClockTest, BootTimeOutOfRange_IsClamped) {
  const FakeClock clock;
  const int64_t last = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(clock.WallFromBoot(std::numeric_limits<uint64_t>::max()), last);
  EXPECT_EQ(clock.WallFromBoot(uint64_t{1} << 63), last);
}

}  // namespace
}  // namespace hoptrail
