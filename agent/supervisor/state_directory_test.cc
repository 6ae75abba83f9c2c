#include "agent/supervisor/state_directory.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/spool/spool_testing.h"
#include <sys/stat.h>

namespace hoptrail::agent::supervisor {
namespace {

TEST(StateDirectory, LockedDirectory_IsPrivateAndRefusedToASecondAgent) {
  const spool::TestDirectory directory;
  const std::string path = directory.path() + "/a/state";
  {
    const auto lock = LockStateDirectory(path);
    ASSERT_TRUE(lock.ok()) << lock.status();
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700u);
    EXPECT_THAT(std::string(LockStateDirectory(path, absl::Milliseconds(50)).status().message()),
                testing::HasSubstr("another agent uses it"));
  }
  EXPECT_TRUE(LockStateDirectory(path).ok());
  EXPECT_FALSE(LockStateDirectory("/proc/nowhere/state").ok());
}

}  // namespace
}  // namespace hoptrail::agent::supervisor
