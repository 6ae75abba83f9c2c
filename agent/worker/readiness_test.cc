#include "agent/worker/readiness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoptrail::agent {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kSecondNs = 1'000'000'000;

ReadinessInputs Good() {
  return {.heartbeat_boot_ns = 99 * kSecondNs,
          .now_boot_ns = 100 * kSecondNs,
          .collector_reached = true};
}

TEST(Readiness, EventsAndCollector_AreReady) {
  EXPECT_TRUE(EvaluateReadiness(Good()).ready);
  EXPECT_THAT(EvaluateReadiness(Good()).detail, HasSubstr("the collector is reached"));
}

TEST(Readiness, CollectorAwayAndSpoolUnwritable_IsNotReady) {
  ReadinessInputs inputs = Good();
  inputs.collector_reached = false;
  EXPECT_TRUE(EvaluateReadiness(inputs).ready);
  EXPECT_THAT(EvaluateReadiness(inputs).detail, HasSubstr("not reached, what is found is spooled"));
  inputs.spool_trouble = "spool.db: No space left on device";
  EXPECT_FALSE(EvaluateReadiness(inputs).ready);
  EXPECT_THAT(EvaluateReadiness(inputs).detail,
              HasSubstr("nothing can be spooled: spool.db: No space"));
  inputs.collector_reached = true;
  EXPECT_TRUE(EvaluateReadiness(inputs).ready);
  EXPECT_THAT(EvaluateReadiness(inputs).detail, HasSubstr("No space left"));
}

TEST(Readiness, MissingSelfTestEvents_AreNotReady) {
  ReadinessInputs inputs = Good();
  inputs.heartbeat_boot_ns = 0;
  EXPECT_FALSE(EvaluateReadiness(inputs).ready);
  EXPECT_THAT(EvaluateReadiness(inputs).detail, HasSubstr("yet"));
  inputs.heartbeat_boot_ns = 91 * kSecondNs;
  EXPECT_TRUE(EvaluateReadiness(inputs).ready);
  inputs.heartbeat_boot_ns = 90 * kSecondNs;
  EXPECT_FALSE(EvaluateReadiness(inputs).ready);
  EXPECT_THAT(EvaluateReadiness(inputs).detail, HasSubstr("no event of the self-test for 10 s"));
  inputs.heartbeat_boot_ns = 101 * kSecondNs;  // read after the clock
  EXPECT_TRUE(EvaluateReadiness(inputs).ready);
}

TEST(Readiness, LoaderOutsideTheScope_HeartbeatsAreNotRequired) {
  ReadinessInputs inputs = Good();
  inputs.self_test = false;
  inputs.heartbeat_boot_ns = 0;
  EXPECT_TRUE(EvaluateReadiness(inputs).ready);
}

TEST(Readiness, BlindEventSource_IsNotReady) {
  ReadinessInputs inputs = Good();
  inputs.blind_sources = "tcp, accept";
  EXPECT_FALSE(EvaluateReadiness(inputs).ready);
  EXPECT_THAT(EvaluateReadiness(inputs).detail, HasSubstr("tcp, accept"));
}

}  // namespace
}  // namespace hoptrail::agent
