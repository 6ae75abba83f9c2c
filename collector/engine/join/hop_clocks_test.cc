#include "collector/engine/join/hop_clocks.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/join/times_for_test.h"

namespace hoptrail::collector::engine {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

model::HopEnd End(uint8_t host, int second, uint32_t rtt_us = 0) {
  model::HopEnd end;
  end.host.machine.bytes[0] = host;
  end.established_boot_ns = (1000 + second) * kSecond;
  end.established_wall_ns = kStart + second * kSecond;
  end.rtt_us = rtt_us;
  return end;
}

TEST(HopClocksTest, ProvenHop_GivesTheOffsetWithoutHalfTheRoundTrip) {
  HopClocks clocks;
  const model::HopEnd client = End(1, 0, 2000), server = End(2, 600, 2000);
  clocks.Learn(client, server);
  const int64_t offset = 600 * kSecond - 1'000'000;
  EXPECT_THAT(clocks.TakeChanged(), Contains(ClockOffset{server.host, client.host, offset, 1}));
  EXPECT_THAT(clocks.TakeChanged(), IsEmpty());
}

TEST(HopClocksTest, KnownOffset_IsSubtractedFromTheTimeApart) {
  HopClocks clocks;
  EXPECT_EQ(clocks.Apart(End(1, 0), End(2, 600)), 600 * kSecond);
  clocks.Learn(End(1, 0), End(2, 600));
  EXPECT_EQ(clocks.Apart(End(1, 10), End(2, 615)), 5 * kSecond);
  EXPECT_EQ(clocks.Apart(End(1, 15), End(2, 610)), 5 * kSecond);
}

TEST(HopClocksTest, WrongTimesOfAThirdHost_DoNotMoveTwoHostsApart) {
  HopClocks clocks;
  for (int i = 0; i < 3; ++i) clocks.Learn(End(1, i), End(2, 600 + i));
  for (int i = 0; i < 20; ++i) clocks.Learn(End(1, i), End(9, i));
  for (int i = 0; i < 20; ++i) clocks.Learn(End(2, i), End(9, 9000 + i));
  EXPECT_EQ(clocks.Apart(End(1, 10), End(2, 610)), 0);
  EXPECT_TRUE(clocks.AreKnown(End(1, 0).host, End(2, 0).host));
  EXPECT_FALSE(clocks.AreKnown(End(1, 0).host, End(3, 0).host));
}

TEST(HopClocksTest, TimesThatOnlyALiarReports_AreBounded) {
  HopClocks clocks;
  model::HopEnd first = End(1, 0), last = End(2, 0);
  first.established_wall_ns = std::numeric_limits<int64_t>::min();
  last.established_wall_ns = std::numeric_limits<int64_t>::max();
  EXPECT_GT(clocks.Apart(first, last), 1'000'000 * kSecond);
  clocks.Learn(first, last);
  EXPECT_GT(clocks.Apart(End(1, 0), End(2, 0)), 1'000'000 * kSecond);
}

TEST(HopClocksTest, EndsFarApart_ContradictOnceTheBootClocksAreKnown) {
  model::HopEnd client = End(1, 5000);
  client.closed_wall_ns = client.established_wall_ns + kSecond;
  const model::HopEnd server = End(2, 9000);
  HopClocks clocks;
  EXPECT_EQ(clocks.Check(client, server), model::Contradiction::kNone);
  for (int i = 0; i < 3; ++i) clocks.Learn(End(1, i), End(2, i));
  EXPECT_EQ(clocks.Check(client, server), model::Contradiction::kTime);
}

}  // namespace
}  // namespace hoptrail::collector::engine
