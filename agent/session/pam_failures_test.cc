#include "agent/session/pam_failures.h"

#include <gtest/gtest.h>

namespace hoptrail::agent::session {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

TEST(PamFailuresTest, ClaimOfSshd_RepeatsEachClaimOfPamOnce) {
  PamFailures failures;
  EXPECT_FALSE(failures.TakeRepeated(1 * kSecond));
  failures.Add(1 * kSecond);
  failures.Add(2 * kSecond);
  EXPECT_TRUE(failures.TakeRepeated(2 * kSecond));
  EXPECT_TRUE(failures.TakeRepeated(3 * kSecond));
  EXPECT_FALSE(failures.TakeRepeated(3 * kSecond));
}

TEST(PamFailuresTest, ClaimOfSshdMuchLater_IsAnotherAttempt) {
  PamFailures failures;
  failures.Add(1 * kSecond);
  EXPECT_FALSE(failures.TakeRepeated(16 * kSecond));
  EXPECT_TRUE(failures.TakeRepeated(16 * kSecond - 1));
}

}  // namespace
}  // namespace hoptrail::agent::session
