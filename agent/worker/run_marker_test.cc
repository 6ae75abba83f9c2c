#include "agent/worker/run_marker.h"

#include <gtest/gtest.h>

#include "agent/spool/spool_testing.h"
#include <sys/stat.h>

namespace hoptrail::agent {
namespace {

using model::PreviousEnd;

model::BootId Boot(uint8_t number) {
  model::BootId boot;
  boot.bytes.fill(number);
  return boot;
}

TEST(RunMarker, RunWithoutEnd_IsReportedAtTheNextBegin) {
  const spool::TestDirectory directory;
  const RunMarker marker(directory.path(), Boot(1));
  EXPECT_EQ(*marker.Begin(), PreviousEnd::kNoTrace) << "the first run";
  EXPECT_EQ(*marker.Begin(), PreviousEnd::kCutShort) << "the first did not end";
  marker.End();
  EXPECT_EQ(*marker.Begin(), PreviousEnd::kAsked) << "it did end";
  const RunMarker next_boot(directory.path(), Boot(2));
  EXPECT_EQ(*next_boot.Begin(), PreviousEnd::kNoTrace) << "the machine ended with it";
  EXPECT_EQ(*next_boot.Begin(), PreviousEnd::kCutShort);
  EXPECT_FALSE(RunMarker("/nowhere", Boot(1)).Begin().ok());
}

// A full disk takes no new block.
TEST(RunMarker, End_WritesInPlace) {
  const spool::TestDirectory directory;
  const RunMarker marker(directory.path(), Boot(1));
  ASSERT_TRUE(marker.Begin().ok());
  struct stat before {
  }, after{};
  ASSERT_EQ(::stat((directory.path() + "/running").c_str(), &before), 0);
  marker.End();
  ASSERT_EQ(::stat((directory.path() + "/running").c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino);
  EXPECT_EQ(after.st_size, before.st_size);
  EXPECT_EQ(*marker.Begin(), PreviousEnd::kAsked);
  EXPECT_EQ(*marker.Begin(), PreviousEnd::kCutShort);
}

}  // namespace
}  // namespace hoptrail::agent
