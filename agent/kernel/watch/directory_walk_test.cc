#include "agent/kernel/watch/directory_walk.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <sys/stat.h>

namespace hoptrail::agent::kernel {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class DirectoryWalkTest : public testing::Test {
 protected:
  DirectoryWalkTest() {
    char name[] = "/tmp/hoptrail-walk-XXXXXX";
    root_ = mkdtemp(name);
    for (const char* directory : {"/home/one/.ssh", "/home/two/.ssh", "/home/.hidden", "/etc"}) {
      std::filesystem::create_directories(root_ + directory);
    }
    std::ofstream(root_ + "/etc/shadow") << "x";
  }
  ~DirectoryWalkTest() override { std::filesystem::remove_all(root_); }

  static ino_t InodeOf(int fd) {
    struct stat file = {};
    return fstat(fd, &file) == 0 ? file.st_ino : 0;
  }
  ino_t InodeOf(const std::string& path) const {
    struct stat file = {};
    return stat((root_ + path).c_str(), &file) == 0 ? file.st_ino : 0;
  }

  std::string root_;
};

TEST_F(DirectoryWalkTest, PatternInComponents_MatchesPathsBelowTheRoot) {
  const DirectoryWalk walk(root_);
  ASSERT_TRUE(walk.valid());
  EXPECT_THAT(walk.Match("/home/*/.ssh"), UnorderedElementsAre("/home/one/.ssh", "/home/two/.ssh"));
  EXPECT_THAT(walk.Match("/home/t?o"), ElementsAre("/home/two"));
  EXPECT_THAT(walk.Match("/nowhere/*"), IsEmpty());
  // A missing file is watched from the moment it appears.
  EXPECT_THAT(walk.Match("//etc/not-there/"), ElementsAre("/etc/not-there"));
}

TEST_F(DirectoryWalkTest, SymbolicLink_DoesNotLeadOutOfTheRoot) {
  ASSERT_EQ(symlink("/etc/shadow", (root_ + "/etc/absolute").c_str()), 0);
  ASSERT_EQ(symlink("../../../../../../etc/shadow", (root_ + "/etc/relative").c_str()), 0);
  ASSERT_EQ(symlink("/proc/self/root", (root_ + "/etc/magic").c_str()), 0);
  const DirectoryWalk walk(root_);
  for (const char* path : {"/etc/shadow", "/etc/absolute", "/etc/relative"}) {
    const UniqueFd fd = walk.OpenPath(path);
    ASSERT_TRUE(fd.valid()) << path;
    EXPECT_EQ(InodeOf(fd.get()), InodeOf("/etc/shadow")) << path;
  }
  EXPECT_FALSE(walk.OpenPath("/etc/magic").valid());
  EXPECT_FALSE(walk.OpenPath("/etc/not-there").valid());
}

TEST_F(DirectoryWalkTest, Directory_ListsItsEntries) {
  const DirectoryWalk walk(root_);
  EXPECT_THAT(walk.List("/home"),
              UnorderedElementsAre(Field(&DirectoryWalk::Entry::name, "one"),
                                   Field(&DirectoryWalk::Entry::name, "two"),
                                   Field(&DirectoryWalk::Entry::name, ".hidden")));
  EXPECT_THAT(walk.List("/etc/shadow"), IsEmpty());
  const UniqueFd root = walk.OpenPath("");
  EXPECT_EQ(InodeOf(root.get()), InodeOf(""));
}

TEST(DirectoryWalkWithoutRootTest, MissingRoot_IsNotValid) {
  EXPECT_FALSE(DirectoryWalk("/proc/0/root").valid());
}

}  // namespace
}  // namespace hoptrail::agent::kernel
