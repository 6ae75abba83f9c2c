// Somebody with the certificate of one machine makes up boot ids.

#include <cstdint>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/loop/loop_fixture.h"
#include "core/wire/testing.h"

namespace hoptrail::collector::engine {
namespace {

using ::testing::HasSubstr;

class NewBootTest : public LoopTest {
 protected:
  static model::HostId Boot(uint8_t number, uint8_t machine = 1) {
    model::HostId host = wire::TestHost();
    host.machine.bytes[1] = machine;
    host.boot.bytes[1] = number;
    return host;
  }
  std::shared_ptr<FakeAgent> Open(uint8_t number, uint8_t machine = 1) {
    auto agent = Connect(Boot(number, machine), "gw");
    Pass(0);
    return agent;
  }
  // Whether the collector lists the boot.
  size_t Listed() { return store_->LoadHosts()->size(); }
};

TEST_F(NewBootTest, BootsAboveTheBudget_AreRefusedAndShownOnTheNewest) {
  for (uint8_t number = 1; number <= 8; ++number) EXPECT_FALSE(Open(number)->ended);
  for (uint8_t number = 9; number <= 40; ++number) {
    const auto agent = Open(number);
    ASSERT_TRUE(agent->ended);
    EXPECT_EQ(agent->status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(std::string(agent->status.message()), HasSubstr("one more each minute"));
    EXPECT_TRUE(agent->greetings.empty());
  }
  EXPECT_EQ(Listed(), 8u);
  Pass(11);
  EXPECT_THAT(DetailOf(Boot(8), model::DegradationKind::kClaimsRefused),
              HasSubstr("32 streams for further boots of this machine"));
  EXPECT_FALSE(Open(1, 2)->ended) << "another machine has its own budget";
}

TEST_F(NewBootTest, KnownBoot_AlwaysGetsIn) {
  for (uint8_t number = 1; number <= 9; ++number) Open(number);
  EXPECT_FALSE(Open(3)->ended);
  Close();
  LoopTest::Open();
  for (uint8_t number = 21; number <= 29; ++number) Open(number);
  EXPECT_TRUE(Open(30)->ended);
  EXPECT_FALSE(Open(3)->ended) << "it is known from the store";
}

TEST_F(NewBootTest, MachineThatRestartsAllTheTime_GetsInAtALaterTry) {
  for (uint8_t number = 1; number <= 8; ++number) Open(number);
  EXPECT_TRUE(Open(9)->ended);
  Pass(59);
  EXPECT_TRUE(Open(9)->ended);
  Pass(1);
  EXPECT_FALSE(Open(9)->ended);
  EXPECT_TRUE(Open(10)->ended) << "one a minute";
  Pass(8 * 60);
  for (uint8_t number = 10; number <= 17; ++number) EXPECT_FALSE(Open(number)->ended);
  EXPECT_TRUE(Open(18)->ended);
}

}  // namespace
}  // namespace hoptrail::collector::engine
