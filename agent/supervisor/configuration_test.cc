#include "agent/supervisor/configuration.h"

#include <unistd.h>

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/spool/spool_testing.h"
#include <sys/stat.h>
#include <sys/wait.h>

namespace hoptrail::agent::supervisor {
namespace {

using ::testing::HasSubstr;

constexpr char kMinimal[] = "state_directory: /s\ncollector: {address: 'unix:/c'}\n";

class ConfigurationTest : public testing::Test {
 protected:
  ConfigurationTest() {
    Write(kMinimal);
    started_ = *LoadSettings(path_);
    started_.machine_id_file = "/etc/machine-id";
  }

  void Write(const std::string& text) const { std::ofstream(path_) << text; }

  // Waits for the end of the check.
  std::optional<LogLevel> Reload() {
    configuration_.BeginReload();
    return WaitForCheck();
  }
  std::optional<LogLevel> WaitForCheck() {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, 0);
    EXPECT_GT(pid, 0);
    return configuration_.OnChildEnd(pid, status);
  }
  std::string PresentName() const { return configuration_.ForWorker().host_name; }

  const spool::TestDirectory directory_;
  const std::string path_ = directory_.path() + "/agent.yaml";
  Settings started_;
  Configuration configuration_{started_};
};

TEST_F(ConfigurationTest, ReloadOfAGoodFile_PutsItInForceWithItsLogLevel) {
  EXPECT_EQ(PresentName(), "");
  Write(std::string(kMinimal) + "host: {name: web}\nlog_level: warning\n");
  EXPECT_EQ(PresentName(), "") << "there was no reload yet";
  EXPECT_EQ(Reload(), LogLevel::kWarning);
  EXPECT_EQ(PresentName(), "web");
}

TEST_F(ConfigurationTest, ConfigurationThatWeakens_IsReportedByItsFirstWorkerOnly) {
  Write(std::string(kMinimal) + "rules: {pivot: {disabled: true}}\n");
  ASSERT_TRUE(Reload().has_value());
  EXPECT_EQ(configuration_.WeakenedForWorker(), "rules.pivot");
  configuration_.OnWorkerStart();
  configuration_.OnWorkerReady();
  EXPECT_EQ(configuration_.WeakenedForWorker(), "") << "reported once";
  Write(kMinimal);
  ASSERT_TRUE(Reload().has_value());
  EXPECT_EQ(configuration_.WeakenedForWorker(), "");
}

TEST_F(ConfigurationTest, ReloadOfABadFile_ChangesNothing) {
  Write(std::string(kMinimal) + "host: {name: web}\n");
  ASSERT_TRUE(Reload().has_value());
  for (const char* bad : {"host: {nam: x}\n", "\x01", ""}) {
    Write(bad);
    EXPECT_FALSE(Reload().has_value()) << bad;
    EXPECT_EQ(PresentName(), "web");
  }
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  testing::internal::CaptureStderr();
  configuration_.BeginReload();
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("stays as it was"));
  EXPECT_EQ(PresentName(), "web");
}

TEST_F(ConfigurationTest, NoWorkerBecomesReady_TheConfigurationBeforeIsInForceAgain) {
  Write(std::string(kMinimal) + "host: {name: good}\n");
  ASSERT_TRUE(Reload().has_value());
  configuration_.OnWorkerStart();
  configuration_.OnWorkerReady();
  Write(std::string(kMinimal) + "host: {name: fatal}\n");
  ASSERT_TRUE(Reload().has_value());
  configuration_.OnWorkerFault();  // of the worker before, which was asked to end and failed
  EXPECT_EQ(PresentName(), "fatal");
  configuration_.OnWorkerStart();
  configuration_.OnWorkerFault();
  EXPECT_EQ(PresentName(), "good");
  configuration_.OnWorkerStart();
  configuration_.OnWorkerFault();
  EXPECT_EQ(PresentName(), "good") << "a worker was ready with it before";
}

TEST_F(ConfigurationTest, ReloadDuringACheck_ChecksOnceMoreAfterwards) {
  configuration_.BeginReload();
  Write(std::string(kMinimal) + "host: {name: later}\n");
  configuration_.BeginReload();
  configuration_.BeginReload();
  EXPECT_TRUE(WaitForCheck().has_value());
  EXPECT_TRUE(WaitForCheck().has_value());
  EXPECT_EQ(PresentName(), "later");
}

// A FIFO in the place of a certificate could make a check hang.
TEST_F(ConfigurationTest, CheckThatHangs_IsEndedAfterTenSeconds) {
  configuration_.BeginReload();
  EXPECT_LT(configuration_.due(), SteadyTime::Now() + absl::Seconds(11));
  configuration_.CheckTime(SteadyTime::Now());
  configuration_.CheckTime(SteadyTime::Now() + absl::Seconds(11));
  EXPECT_EQ(configuration_.due(), SteadyTime::InfiniteFuture());
  WaitForCheck();
}

}  // namespace
}  // namespace hoptrail::agent::supervisor
