#include "agent/session/minute_budget.h"

#include <gtest/gtest.h>

namespace hoptrail::agent::session {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

TEST(MinuteBudgetTest, Take_FailsBeyondTheLimitUntilTheMinuteIsOver) {
  MinuteBudget budget;
  EXPECT_TRUE(budget.Take(100 * kSecond, 2));
  EXPECT_TRUE(budget.Take(130 * kSecond, 2));
  EXPECT_FALSE(budget.Take(130 * kSecond, 2));
  EXPECT_FALSE(budget.Take(160 * kSecond - 1, 2));
  EXPECT_TRUE(budget.Take(160 * kSecond, 2));
}

TEST(MinuteBudgetTest, Minute_BeginsWithTheFirstUse) {
  MinuteBudget budget;
  EXPECT_TRUE(budget.Take(90 * kSecond, 1));
  EXPECT_FALSE(budget.Take(149 * kSecond, 1));
  EXPECT_TRUE(budget.Take(200 * kSecond, 1));
  EXPECT_FALSE(budget.Take(250 * kSecond, 1));
}

}  // namespace
}  // namespace hoptrail::agent::session
