#include "core/base/path.h"

#include <gtest/gtest.h>

namespace hoptrail {
namespace {

TEST(BaseNameTest, Path_GivesWhatFollowsTheLastSlash) {
  EXPECT_EQ(BaseName("/usr/bin/ssh"), "ssh");
  EXPECT_EQ(BaseName("ssh"), "ssh");
  EXPECT_EQ(BaseName("/"), "");
  EXPECT_EQ(BaseName("/usr/"), "");
  EXPECT_EQ(BaseName(""), "");
}

}  // namespace
}  // namespace hoptrail
