#include "agent/kernel/watch/change_stamps.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

#include "agent/kernel/watch/directory_walk.h"

namespace hoptrail::agent::kernel {
namespace {

class ChangeStampsTest : public testing::Test {
 protected:
  ChangeStampsTest() {
    char name[] = "/tmp/hoptrail-stamps-XXXXXX";
    root_ = mkdtemp(name);
    clock_.StepWallNs(Clock::System().WallNs() - clock_.WallNs());
    std::filesystem::create_directories(root_ + "/etc/ssh/more");
    std::filesystem::create_directories(root_ + "/other");
    Write("/etc/ssh/key");
    Write("/other/target");
    std::filesystem::create_symlink("/other/target", root_ + "/etc/ssh/link");
  }
  ~ChangeStampsTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path) const { std::ofstream(root_ + path) << "x"; }

  // Opens and lists a few paths, as a search would.
  void Walk() {
    DirectoryWalk walk(root_);
    stamps_.Clear();
    walk.RecordTo(&stamps_);
    (void)walk.OpenPath("/etc/absent");
    (void)walk.OpenPath("/etc/ssh");
    for (const DirectoryWalk::Entry& entry : walk.List("/etc/ssh")) {
      (void)walk.OpenEntry("/etc/ssh/" + entry.name, entry);
    }
  }
  bool Hold() const { return stamps_.Hold(DirectoryWalk(root_)); }

  // Walks a day after all changes.
  void WalkLater() {
    clock_.StepWallNs(kDayNs);
    Walk();
    // Two changes that are so far apart have different change times.
    absl::SleepFor(absl::Milliseconds(30));
  }

  static constexpr int64_t kDayNs = 86'400'000'000'000;

  std::string root_;
  FakeClock clock_;
  ChangeStamps stamps_{&clock_};
};

TEST_F(ChangeStampsTest, BeforeTheFirstWalk_DoNotHold) { EXPECT_FALSE(Hold()); }

TEST_F(ChangeStampsTest, DirectoryChangedJustBeforeTheWalk_DoNotHold) {
  Walk();
  EXPECT_FALSE(Hold());
}

// The clock was set back after the change, so that every later change has another time.
TEST_F(ChangeStampsTest, DirectoryChangedInTheFuture_Hold) {
  clock_.StepWallNs(-kDayNs);
  Walk();
  EXPECT_TRUE(Hold());
}

TEST_F(ChangeStampsTest, ChangeOfAFileOrDirectory_DoNotHold) {
  WalkLater();
  ASSERT_TRUE(Hold());
  Write("/etc/ssh/key");  // the same file with other contents
  Write("/etc/unrelated");
  EXPECT_TRUE(Hold());

  const std::pair<const char*, std::function<void()>> changes[] = {
      {"a new file", [&] { Write("/etc/ssh/new"); }},
      {"a file is replaced",
       [&] {
         Write("/etc/new");
         std::filesystem::rename(root_ + "/etc/new", root_ + "/etc/ssh/key");
       }},
      {"a file is removed", [&] { std::filesystem::remove(root_ + "/etc/ssh/key"); }},
      {"a link's target is replaced",
       [&] {
         Write("/other/new");
         std::filesystem::rename(root_ + "/other/new", root_ + "/other/target");
       }},
      {"a missing file is created", [&] { Write("/etc/absent"); }},
      {"a directory is replaced",
       [&] {
         std::filesystem::rename(root_ + "/etc/ssh/more", root_ + "/etc/less");
         std::filesystem::create_directory(root_ + "/etc/ssh/more");
       }},
  };
  for (const auto& [what, change] : changes) {
    WalkLater();
    ASSERT_TRUE(Hold()) << what;
    change();
    EXPECT_FALSE(Hold()) << what;
  }
}

// An intruder may set the modification time back to hide a change.
TEST_F(ChangeStampsTest, ModificationTimeSetBack_DoNotHold) {
  WalkLater();
  const std::string directory = root_ + "/etc/ssh";
  const auto before = std::filesystem::last_write_time(directory);
  Write("/etc/ssh/new");
  std::filesystem::last_write_time(directory, before);
  EXPECT_FALSE(Hold());
}

}  // namespace
}  // namespace hoptrail::agent::kernel
