#include "collector/engine/join/clock_offsets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/join/times_for_test.h"

namespace hoptrail::collector::engine {
namespace {

model::HostId Host(uint8_t n) {
  model::HostId host;
  host.machine.bytes[0] = n;
  return host;
}

TEST(ClockOffsetsTest, ChainOfHops_GivesTheDifferenceOfItsEnds) {
  ClockOffsets clocks;
  clocks.AddSample(Host(1), Host(2), 5 * kSecond);
  clocks.AddSample(Host(4), Host(3), 7 * kSecond);
  EXPECT_EQ(clocks.Difference(Host(1), Host(3)), std::nullopt);
  clocks.AddSample(Host(2), Host(4), kSecond);
  EXPECT_EQ(clocks.Difference(Host(1), Host(3)), 13 * kSecond);
  EXPECT_EQ(clocks.Difference(Host(3), Host(1)), -13 * kSecond);
  EXPECT_EQ(clocks.Difference(Host(3), Host(3)), 0);
  EXPECT_EQ(clocks.Difference(Host(1), Host(9)), std::nullopt);
  EXPECT_FALSE(clocks.TakeChanged().empty());
  EXPECT_TRUE(clocks.TakeChanged().empty());
  EXPECT_EQ(clocks.Of(Host(3))->reference, clocks.Of(Host(1))->reference);
}

TEST(ClockOffsetsTest, OneWrongSampleOfFour_IsOutvoted) {
  ClockOffsets clocks;
  clocks.AddSample(Host(1), Host(2), 3600 * kSecond);
  clocks.AddSample(Host(1), Host(2), kSecond);
  EXPECT_EQ(clocks.Agreed(Host(1), Host(2)), std::nullopt);
  clocks.AddSample(Host(2), Host(1), -kSecond);
  clocks.AddSample(Host(1), Host(2), kSecond + 5);
  EXPECT_EQ(clocks.Agreed(Host(2), Host(1)), -(kSecond + 5));
  EXPECT_EQ(clocks.Difference(Host(1), Host(2)), kSecond);
}

TEST(ClockOffsetsTest, ClockStep_IsFollowed) {
  ClockOffsets clocks;
  for (int i = 0; i < 9; ++i) clocks.AddSample(Host(1), Host(2), 0);
  for (int i = 0; i < 9; ++i) clocks.AddSample(Host(1), Host(2), 100 * kSecond);
  EXPECT_EQ(clocks.Difference(Host(1), Host(2)), 100 * kSecond);
}

}  // namespace
}  // namespace hoptrail::collector::engine
