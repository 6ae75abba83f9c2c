#include "agent/session/minute_budget.h"

#include <gtest/gtest.h>

namespace hoptrail::agent::session {
namespace {

constexpr uint64_t kBudgetSecondNs = 1'000'000'000;

TEST(MinuteBudgetTest, Take_FailsBeyondTheLimitUntilTheMinuteIsOver) {
  MinuteBudget budget;
  EXPECT_TRUE(budget.Take(100 * kBudgetSecondNs, 2));
  EXPECT_TRUE(budget.Take(130 * kBudgetSecondNs, 2));
  EXPECT_FALSE(budget.Take(130 * kBudgetSecondNs, 2));
  EXPECT_FALSE(budget.Take(160 * kBudgetSecondNs - 1, 2));
  EXPECT_TRUE(budget.Take(160 * kBudgetSecondNs, 2));
}

TEST(MinuteBudgetTest, Minute_BeginsWithTheFirstUse) {
  MinuteBudget budget;
  EXPECT_TRUE(budget.Take(90 * kBudgetSecondNs, 1));
  EXPECT_FALSE(budget.Take(149 * kBudgetSecondNs, 1));
  EXPECT_TRUE(budget.Take(200 * kBudgetSecondNs, 1));
  EXPECT_FALSE(budget.Take(250 * kBudgetSecondNs, 1));
}

}  // namespace
}  // namespace hoptrail::agent::session
