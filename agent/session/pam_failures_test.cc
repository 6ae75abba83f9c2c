#include "agent/session/pam_failures.h"

#include <gtest/gtest.h>

namespace hoptrail::agent::session {
namespace {

constexpr uint64_t kFailureSecondNs = 1'000'000'000;

TEST(PamFailuresTest, ClaimOfSshd_RepeatsEachClaimOfPamOnce) {
  PamFailures failures;
  EXPECT_FALSE(failures.TakeRepeated(1 * kFailureSecondNs));
  failures.Add(1 * kFailureSecondNs);
  failures.Add(2 * kFailureSecondNs);
  EXPECT_TRUE(failures.TakeRepeated(2 * kFailureSecondNs));
  EXPECT_TRUE(failures.TakeRepeated(3 * kFailureSecondNs));
  EXPECT_FALSE(failures.TakeRepeated(3 * kFailureSecondNs));
}

TEST(PamFailuresTest, ClaimOfSshdMuchLater_IsAnotherAttempt) {
  PamFailures failures;
  failures.Add(1 * kFailureSecondNs);
  EXPECT_FALSE(failures.TakeRepeated(16 * kFailureSecondNs));
  EXPECT_TRUE(failures.TakeRepeated(16 * kFailureSecondNs - 1));
}

}  // namespace
}  // namespace hoptrail::agent::session
