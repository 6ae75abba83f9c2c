#include "core/base/token_bucket.h"

#include <gtest/gtest.h>

#include "core/base/keyed_budget.h"

namespace hoptrail {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(TokenBucketTest, FullBucket_GivesItsBurstAndThenWhatTimeFills) {
  TokenBucket bucket({.burst = 2, .per_second = 0.5}, 100 * kSecond);
  EXPECT_TRUE(bucket.Take(100 * kSecond));
  EXPECT_TRUE(bucket.Take(100 * kSecond));
  EXPECT_FALSE(bucket.Take(101 * kSecond));
  EXPECT_TRUE(bucket.Take(102 * kSecond));
  EXPECT_FALSE(bucket.Take(102 * kSecond));
  // However long it rests, it holds no more than its burst.
  EXPECT_TRUE(bucket.Take(9000 * kSecond));
  EXPECT_TRUE(bucket.Take(9000 * kSecond));
  EXPECT_FALSE(bucket.Take(9000 * kSecond));
}

TEST(TokenBucketTest, Charge_SaysHowLongTheDebtLasts) {
  TokenBucket bucket({.burst = 10, .per_second = 2}, 0);
  EXPECT_EQ(bucket.Charge(10, 0), 0);
  EXPECT_EQ(bucket.Charge(6, 0), 3 * kSecond);
  EXPECT_EQ(bucket.Charge(0, 2 * kSecond), kSecond);
  EXPECT_EQ(bucket.Charge(0, 3 * kSecond), 0);
  EXPECT_FALSE(bucket.Take(3 * kSecond));
}

TEST(TokenBucketTest, FullBucket_SaysSo) {
  TokenBucket bucket({.burst = 2, .per_second = 1.0 / 3}, 0);
  EXPECT_TRUE(bucket.full(0));
  EXPECT_TRUE(bucket.Take(0));
  EXPECT_FALSE(bucket.full(2 * kSecond));
  EXPECT_TRUE(bucket.full(3 * kSecond));
}

TEST(TokenBucketTest, FractionsOfATokenThatMakeAWholeOne_AreOne) {
  TokenBucket bucket({.burst = 1, .per_second = 1.0 / 60}, 0);
  EXPECT_TRUE(bucket.Take(0));
  for (int second = 1; second < 60; ++second) EXPECT_FALSE(bucket.Take(second * kSecond));
  EXPECT_TRUE(bucket.Take(60 * kSecond));
}

TEST(KeyedBudgetTest, EachKey_HasABucketUntilItIsFullAgain) {
  KeyedBudget<int> budget({.burst = 1, .per_second = 1});
  EXPECT_TRUE(budget.Take(7, 0));
  EXPECT_FALSE(budget.Take(7, 0));
  EXPECT_TRUE(budget.Take(8, 0)) << "another key";
  EXPECT_EQ(budget.Charge(7, 1, 0), kSecond);
  EXPECT_EQ(budget.Charge(9, 0, 0), 0);
  EXPECT_EQ(budget.size(), 2u) << "nothing was charged to the third";
  budget.ForgetFull(kSecond);
  EXPECT_EQ(budget.size(), 1u) << "the one in debt stays";
  EXPECT_FALSE(budget.Take(7, kSecond));
  budget.ForgetFull(2 * kSecond);
  EXPECT_EQ(budget.size(), 0u);
}

TEST(TokenBucketTest, EarlierTime_FillsNothing) {
  TokenBucket bucket({.burst = 1, .per_second = 1}, 50 * kSecond);
  EXPECT_TRUE(bucket.Take(50 * kSecond));
  EXPECT_FALSE(bucket.Take(10 * kSecond));
  EXPECT_FALSE(bucket.Take(50 * kSecond));
  EXPECT_TRUE(bucket.Take(51 * kSecond));
}

}  // namespace
}  // namespace hoptrail
