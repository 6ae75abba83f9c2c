#include "agent/app/readiness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoptrail::agent::app {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kSecondNs = 1'000'000'000;

ReadinessFacts Good() {
  return {.heartbeat_boot_ns = 99 * kSecondNs,
          .now_boot_ns = 100 * kSecondNs,
          .collector_reached = true};
}

TEST(Readiness, EventsComeAndTheCollectorIsReached) {
  EXPECT_TRUE(Judge(Good()).ready);
  EXPECT_THAT(Judge(Good()).detail, HasSubstr("the collector is reached"));
}

TEST(Readiness, EitherTheCollectorOrTheSpoolMustTakeWhatIsFound) {
  ReadinessFacts facts = Good();
  facts.collector_reached = false;
  EXPECT_TRUE(Judge(facts).ready);
  EXPECT_THAT(Judge(facts).detail, HasSubstr("not reached, what is found is spooled"));
  facts.spool_trouble = "spool.db: No space left on device";
  EXPECT_FALSE(Judge(facts).ready);
  EXPECT_THAT(Judge(facts).detail, HasSubstr("nothing can be spooled: spool.db: No space"));
  facts.collector_reached = true;
  EXPECT_TRUE(Judge(facts).ready);
  EXPECT_THAT(Judge(facts).detail, HasSubstr("No space left"));
}

TEST(Readiness, NoEventOfTheSelfTestMeansNoSensor) {
  ReadinessFacts facts = Good();
  facts.heartbeat_boot_ns = 0;
  EXPECT_FALSE(Judge(facts).ready);
  EXPECT_THAT(Judge(facts).detail, HasSubstr("yet"));
  facts.heartbeat_boot_ns = 91 * kSecondNs;
  EXPECT_TRUE(Judge(facts).ready);
  facts.heartbeat_boot_ns = 90 * kSecondNs;
  EXPECT_FALSE(Judge(facts).ready);
  EXPECT_THAT(Judge(facts).detail, HasSubstr("no event of the self-test for 10 s"));
  facts.heartbeat_boot_ns = 101 * kSecondNs;  // read after the clock
  EXPECT_TRUE(Judge(facts).ready);
}

TEST(Readiness, WhereTheLoaderIsNotSeenItsHeartbeatsAreNotMissed) {
  ReadinessFacts facts = Good();
  facts.self_test = false;
  facts.heartbeat_boot_ns = 0;
  EXPECT_TRUE(Judge(facts).ready);
}

TEST(Readiness, ABlindSensorIsNotReady) {
  ReadinessFacts facts = Good();
  facts.blind_for = "tcp, accept";
  EXPECT_FALSE(Judge(facts).ready);
  EXPECT_THAT(Judge(facts).detail, HasSubstr("tcp, accept"));
}

}  // namespace
}  // namespace hoptrail::agent::app
