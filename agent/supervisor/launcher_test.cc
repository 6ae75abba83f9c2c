#include "agent/supervisor/launcher.h"

#include <unistd.h>

#include <fstream>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/spool/spool_testing.h"
#include <sys/wait.h>

namespace hoptrail::agent::supervisor {
namespace {

using privilege::Channel;
using privilege::Message;
using privilege::MessageKind;
using ::testing::HasSubstr;

constexpr absl::Duration kLauncherPatience = absl::Seconds(30);

class LauncherTest : public testing::Test {
 protected:
  LauncherTest() {
    settings_.file = directory_.path() + "/agent.yaml";
    settings_.machine_id_file = directory_.path() + "/machine-id";
    settings_.state_directory = directory_.path() + "/state";
    settings_.network_namespace = "/proc/nowhere/ns/net";
    std::ofstream(settings_.machine_id_file) << std::string(32, 'a') << "\n";
  }

  const spool::TestDirectory directory_;
  Settings settings_;
  Launcher launcher_{settings_};
};

TEST_F(LauncherTest, Prepare_ReportsTheStartInTheHealthFile) {
  ASSERT_TRUE(launcher_.Prepare().ok());
  EXPECT_EQ(launcher_.host().machine.bytes[0], 0xaa);
  const auto health = ReadHealth(settings_.file, settings_.state_directory);
  ASSERT_TRUE(health.ok()) << health.status();
  EXPECT_EQ(health->state, HealthState::kDown);
  EXPECT_EQ(health->boot, launcher_.host().boot);
  EXPECT_THAT(health->detail, HasSubstr("starting"));
}

TEST_F(LauncherTest, LoaderThatCannotStart_ReturnsItsReason) {
  ASSERT_TRUE(launcher_.Prepare().ok());
  ChildProcess loader;
  const absl::Status started = launcher_.StartLoader([] {}, &loader);
  EXPECT_TRUE(absl::IsNotFound(started)) << started;
  EXPECT_THAT(std::string(started.message()), HasSubstr("/proc/nowhere/ns/net"));
}

// The worker of the test has no rings and ends at once; the loader of the test checks the messages.
TEST_F(LauncherTest, StartWorker_ConnectsItToTheLoaderBeforeAndAfterItsStart) {
  ASSERT_TRUE(launcher_.Prepare().ok());
  ChildProcess loader;
  ASSERT_TRUE(loader
                  .Start([](Channel supervisor) {
                    const auto before = supervisor.Receive(kLauncherPatience);
                    const auto after = supervisor.Receive(kLauncherPatience);
                    if (!before.ok() || before->kind != MessageKind::kNewWorker) ::_exit(1);
                    if (!after.ok() || after->kind != MessageKind::kNewWorker) ::_exit(2);
                    if (before->number != 0 || after->number == 0) ::_exit(3);
                    ::_exit(before->fds.size() == 1 && after->fds.size() == 1 ? 0 : 4);
                  })
                  .ok());
  const Configuration configuration(settings_);
  WorkerProcess worker;
  ASSERT_TRUE(launcher_.StartWorker(loader, configuration, "", &worker).ok());
  EXPECT_TRUE(worker.running());
  int status = -1;
  ASSERT_EQ(::waitpid(loader.pid(), &status, 0), loader.pid());
  EXPECT_EQ(status, 0);
  loader.OnEnd();
  ASSERT_EQ(::waitpid(worker.pid(), &status, 0), worker.pid());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_NE(WEXITSTATUS(status), 0) << "it cannot have mapped any ring";
  worker.OnEnd();
}

}  // namespace
}  // namespace hoptrail::agent::supervisor
