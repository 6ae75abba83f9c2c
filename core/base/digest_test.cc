#include "core/base/digest.h"

#include <gtest/gtest.h>

namespace hoptrail {
namespace {

TEST(Digest128Test, SameParts_SameDigest) {
  EXPECT_EQ(Digest128({"a", "b"}), Digest128({"a", "b"}));
}

TEST(Digest128Test, OtherBoundariesOfParts_OtherDigest) {
  EXPECT_NE(Digest128({"ab", "c"}), Digest128({"a", "bc"}));
  EXPECT_NE(Digest128({"ab"}), Digest128({"ab", ""}));
}

}  // namespace
}  // namespace hoptrail
