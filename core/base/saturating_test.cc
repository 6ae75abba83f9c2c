#include "core/base/saturating.h"

#include <gtest/gtest.h>

namespace hoptrail {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();

TEST(SaturatingTest, SumThatFits_IsExact) {
  EXPECT_EQ(SaturatingAdd(kMost - 2, 2), kMost);
  EXPECT_EQ(SaturatingAdd(-5, 3), -2);
  EXPECT_EQ(SaturatingSubtract(kLeast + 2, 2), kLeast);
  EXPECT_EQ(SaturatingSubtract(5, -3), 8);
}

TEST(SaturatingTest, SumThatDoesNotFit_IsTheNearestValue) {
  EXPECT_EQ(SaturatingAdd(kMost, 1), kMost);
  EXPECT_EQ(SaturatingAdd(kLeast, -1), kLeast);
  EXPECT_EQ(SaturatingSubtract(kMost, -1), kMost);
  EXPECT_EQ(SaturatingSubtract(kLeast, 1), kLeast);
  EXPECT_EQ(SaturatingSubtract(0, kLeast), kMost);
}

}  // namespace
}  // namespace hoptrail
