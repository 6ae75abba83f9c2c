#include "agent/kernel/watch/watched_root.h"

#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "bpf/abi/events.h"
#include "gtest/gtest.h"

#include <sys/mount.h>
#include <sys/stat.h>

namespace hoptrail::agent::kernel {
namespace {

FileKey KeyOf(int fd) {
  struct stat file = {};
  return fstat(fd, &file) == 0 ? FileKeyOf(file) : FileKey();
}

class WatchedRootTest : public testing::Test {
 protected:
  WatchedRootTest() {
    char name[] = "/tmp/hoptrail-root-XXXXXX";
    root_ = mkdtemp(name);
    std::filesystem::create_directories(root_ + "/etc");
    options_.writes = {"/etc/passwd"};
  }
  ~WatchedRootTest() override { std::filesystem::remove_all(root_); }

  bool Search(bool complete = false) {
    return watched_.Search({{}, "/proc/self", root_}, options_, complete, KeyOf);
  }

  std::string root_;
  WatchOptions options_;
  WatchedRoot watched_;
};

TEST_F(WatchedRootTest, FileCreatedOrRemoved_SearchesAgain) {
  EXPECT_TRUE(Search());
  EXPECT_EQ(watched_.names().size(), 1u);
  EXPECT_FALSE(Search());
  std::ofstream(root_ + "/etc/other") << "x";
  EXPECT_FALSE(Search());
  std::ofstream(root_ + "/etc/passwd") << "x";
  EXPECT_TRUE(Search());
  EXPECT_EQ(watched_.files().size(), 2u) << "the file and the directory of its name";
  EXPECT_FALSE(Search());
  EXPECT_FALSE(Search(true)) << "the result is the same";
  std::filesystem::remove_all(root_ + "/etc");
  EXPECT_TRUE(Search());
  EXPECT_TRUE(watched_.files().empty());
}

// As with /lib and /usr/lib.
TEST_F(WatchedRootTest, DirectoryWithTwoPaths_IsSearchedOnceUntilOneLeadsElsewhere) {
  options_.writes = {"/etc/units", "/usr/units"};
  std::filesystem::create_directories(root_ + "/etc/units");
  std::filesystem::create_directories(root_ + "/other");
  std::ofstream(root_ + "/target") << "x";
  std::filesystem::create_symlink("/target", root_ + "/etc/units/link");
  std::filesystem::create_symlink("/etc", root_ + "/usr");
  EXPECT_TRUE(Search());
  EXPECT_EQ(watched_.files().size(), 3u) << "the directory, its parent, and the link's target";
  std::filesystem::create_directories(root_ + "/other/units");
  std::ofstream(root_ + "/else") << "x";
  std::filesystem::create_symlink("/else", root_ + "/other/units/link");
  std::filesystem::remove(root_ + "/usr");
  std::filesystem::create_symlink("/other", root_ + "/usr");
  EXPECT_TRUE(Search());
  EXPECT_EQ(watched_.files().size(), 6u);
}

// A file that is mounted over another changes no directory. The test runs in a child process,
// because it enters another mount namespace; without root, with a user namespace.
TEST_F(WatchedRootTest, MountOrUnmount_SearchesAgain) {
  const std::string elsewhere = root_ + "/elsewhere";
  std::filesystem::create_directories(elsewhere);
  const auto try_it = [&] {
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return 1;
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 2;
    if (!Search() || Search()) return 3;
    if (mount("tmpfs", elsewhere.c_str(), "tmpfs", 0, nullptr) != 0) return 4;
    if (!Search()) return 5;
    if (umount(elsewhere.c_str()) != 0) return 6;
    return Search() ? 0 : 7;
  };
  EXPECT_EXIT(_exit(try_it()), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace hoptrail::agent::kernel
