#include "collector/engine/join/claim_rates.h"

#include <string>

#include <gtest/gtest.h>

#include "collector/engine/join/times_for_test.h"

namespace hoptrail::collector::engine {
namespace {

model::HopEnd EndTo(const std::string& server) {
  model::HopEnd end;
  end.side = model::HopSide::kClient;
  end.flow.server = {*model::ParseIpAddress(server), 22};
  return end;
}

TEST(ClaimRatesTest, Count_IsOfOneMachineSideAndPeerAndHalvesEveryMinute) {
  ClaimRates rates;
  for (int i = 0; i < 8; ++i) rates.Add(EndTo("10.0.0.2"), kSecond);
  EXPECT_DOUBLE_EQ(rates.Recent(EndTo("10.0.0.2")), 8);
  EXPECT_DOUBLE_EQ(rates.Recent(EndTo("10.0.0.3")), 0);
  model::HopEnd other = EndTo("10.0.0.2");
  other.host.machine.bytes[0] = 1;
  EXPECT_DOUBLE_EQ(rates.Recent(other), 0);
  rates.Add(other, 121 * kSecond);
  EXPECT_DOUBLE_EQ(rates.Recent(EndTo("10.0.0.2")), 2);
}

TEST(ClaimRatesTest, EndJoinedByItsKey_CountsNoLonger) {
  ClaimRates rates;
  rates.Add(EndTo("10.0.0.2"), 0);
  rates.Add(EndTo("10.0.0.2"), 0);
  for (double left : {1, 0, 0}) {
    rates.Remove(EndTo("10.0.0.2"));
    EXPECT_DOUBLE_EQ(rates.Recent(EndTo("10.0.0.2")), left);
  }
}

TEST(ClaimRatesTest, FloodOverManyPeers_IsCountedInOne) {
  ClaimRates rates;
  for (int i = 0; i < 1000; ++i) {
    rates.Add(EndTo("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250)), 0);
  }
  EXPECT_DOUBLE_EQ(rates.Recent(EndTo("10.0.0.0")), 1);
  EXPECT_DOUBLE_EQ(rates.Recent(EndTo("10.0.3.7")), 1000 - ClaimRates::kMaxPeers);
  // Quiet peers make room.
  rates.Add(EndTo("10.0.3.8"), 600 * kSecond);
  EXPECT_DOUBLE_EQ(rates.Recent(EndTo("10.0.3.8")), 1);
}

}  // namespace
}  // namespace hoptrail::collector::engine
