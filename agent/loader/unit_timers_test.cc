#include "agent/loader/unit_timers.h"

#include <fcntl.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace hoptrail::agent::loader {
namespace {

class UnitTimersTest : public testing::Test {
 protected:
  UnitTimersTest() : root_(testing::TempDir() + "/unit-timers") {
    std::filesystem::remove_all(root_);
    for (const char* directory : {"etc/system", "run/transient", "lib/system"}) {
      std::filesystem::create_directories(root_ + "/" + directory);
    }
  }
  ~UnitTimersTest() override { std::filesystem::remove_all(root_); }

  void Add(const std::string& file) { std::ofstream(root_ + "/" + file) << "[Timer]\n"; }
  bool Has(const std::string& unit) {
    std::vector<UniqueFd> directories;
    for (const char* directory : {"/etc", "/run", "/lib"}) {
      directories.emplace_back(open((root_ + directory).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      EXPECT_TRUE(directories.back().valid());
    }
    return UnitTimers(std::move(directories)).Has(unit);
  }

  const std::string root_;
};

TEST_F(UnitTimersTest, TimerOfTheServicesName_IsFound) {
  Add("lib/system/logrotate.timer");
  Add("run/transient/run-u5.timer");
  EXPECT_TRUE(Has("logrotate.service"));
  EXPECT_TRUE(Has("run-u5.service")) << "systemd-run --on-calendar";
  EXPECT_FALSE(Has("nginx.service"));
  EXPECT_FALSE(Has("logrotate.timer"));
  EXPECT_FALSE(Has("logrotate"));
}

TEST_F(UnitTimersTest, TimerOfTheServicesTemplate_IsFound) {
  Add("lib/system/backup@.timer");
  Add("etc/system/dump@db.timer");
  EXPECT_TRUE(Has("backup@db.service"));
  EXPECT_TRUE(Has("dump@db.service"));
  EXPECT_FALSE(Has("dump@web.service"));
}

TEST_F(UnitTimersTest, MaskedTimer_DoesNotCount) {
  Add("lib/system/apt-daily.timer");
  EXPECT_TRUE(Has("apt-daily.service"));
  std::filesystem::create_symlink("/dev/null", root_ + "/etc/system/apt-daily.timer");
  EXPECT_FALSE(Has("apt-daily.service"));
  std::filesystem::create_symlink("elsewhere", root_ + "/etc/system/linked.timer");
  EXPECT_TRUE(Has("linked.service"));
}

TEST_F(UnitTimersTest, InvalidUnitName_IsNotLookedUp) {
  Add("lib/system/x.timer");
  EXPECT_FALSE(Has(""));
  EXPECT_FALSE(Has(".service"));
  EXPECT_FALSE(Has("../system/x.service"));
  EXPECT_FALSE(Has(std::string(5000, 'x') + ".service"));
  EXPECT_FALSE(UnitTimers({}).Has("x.service"));
}

}  // namespace
}  // namespace hoptrail::agent::loader
