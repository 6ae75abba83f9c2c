// A supervisor that cannot start. The lab tests a running one.

#include "agent/supervisor/supervisor.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "agent/spool/spool_testing.h"
#include <sys/wait.h>

namespace hoptrail::agent::supervisor {
namespace {

constexpr int kChildLeft = 77;

// The exit status of the program, or kChildLeft where it has left a child process.
int ExitStatusOf(const Settings& settings) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int status = Supervise(settings);
    ::_exit(::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD ? status : kChildLeft);
  }
  int status = -1;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class SupervisorTest : public testing::Test {
 protected:
  SupervisorTest() {
    settings_.file = directory_.path() + "/agent.yaml";
    settings_.machine_id_file = directory_.path() + "/machine-id";
    settings_.state_directory = directory_.path() + "/state";
    settings_.network_namespace = "/proc/nowhere/ns/net";  // its loader cannot start
    std::ofstream(settings_.machine_id_file) << std::string(32, 'a') << "\n";
  }

  const spool::TestDirectory directory_;
  Settings settings_;
};

TEST_F(SupervisorTest, MissingMachineId_FailsBeforeAnythingIsCreated) {
  settings_.machine_id_file = directory_.path() + "/nowhere";
  EXPECT_EQ(ExitStatusOf(settings_), kExitFailure);
  EXPECT_NE(::access(settings_.state_directory.c_str(), F_OK), 0);
}

TEST_F(SupervisorTest, StateDirectoryCannotBeCreated_Fails) {
  settings_.state_directory = "/proc/nowhere/state";
  EXPECT_EQ(ExitStatusOf(settings_), kExitFailure);
}

}  // namespace
}  // namespace hoptrail::agent::supervisor
