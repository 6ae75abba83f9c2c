// A supervisor that cannot start, and one whose loader and workers follow the test's orders. The
// lab tests a whole agent.

#include "agent/supervisor/supervisor.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/spool/spool_testing.h"
#include "agent/supervisor/supervisor_fixture.h"
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

namespace hoptrail::agent::supervisor {
namespace {

using privilege::Message;
using privilege::MessageKind;
using ::testing::EndsWith;
using ::testing::HasSubstr;

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

// The test is the service manager, too.
class RunningSupervisorTest : public SupervisorTest {
 protected:
  RunningSupervisorTest() {
    const std::string path = directory_.path() + "/notify";
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    notify_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(notify_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    const timeval limit = {.tv_sec = 30, .tv_usec = 0};
    ::setsockopt(notify_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    agent_ = std::make_unique<SupervisedAgent>(settings_, path);
    loader_ = agent_->LoaderStart();
    worker_ = agent_->WorkerStart();
  }

  // The next notification that the service manager gets.
  std::string Notification() const {
    char text[64];
    const ssize_t bytes = ::recv(notify_.get(), text, sizeof(text), 0);
    return bytes < 0 ? "none" : std::string(text, static_cast<size_t>(bytes));
  }
  void BeReady() {
    agent_->FromWorker(MessageKind::kReady);
    ASSERT_EQ(Notification(), "READY=1");
  }
  HealthRecord Health() const {
    const auto health = ReadHealth(settings_.file, settings_.state_directory);
    EXPECT_TRUE(health.ok()) << health.status();
    return health.ok() ? *health : HealthRecord();
  }
  // The message of that kind that the worker gets next.
  Message ToWorker(MessageKind kind) {
    absl::StatusOr<Message> message = agent_->ToWorker();
    EXPECT_TRUE(message.ok()) << message.status();
    if (!message.ok()) return {};
    EXPECT_EQ(message->kind, kind);
    return *std::move(message);
  }
  void ExpectReplacement() {
    const Message stop = ToWorker(MessageKind::kStop);
    EXPECT_EQ(stop.number, 0u) << "no signal";
    EXPECT_EQ(stop.text, "") << "no fault";
    agent_->EndWorker(0);
  }

  UniqueFd notify_;
  std::unique_ptr<SupervisedAgent> agent_;
  SupervisedAgent::Child loader_, worker_;
};

TEST_F(RunningSupervisorTest, WorkerIsKilled_NextOneLearnsWhy) {
  BeReady();
  EXPECT_THAT(worker_.text, EndsWith("|")) << "none ran before it";
  ASSERT_EQ(::kill(worker_.pid, SIGKILL), 0);
  const SupervisedAgent::Child next = agent_->WorkerStart();
  EXPECT_NE(next.pid, worker_.pid);
  EXPECT_THAT(next.text, EndsWith("|was killed by signal 9 (Killed)"));
  EXPECT_EQ(Health().state, HealthState::kLive);
  EXPECT_EQ(Health().detail, "the worker was killed by signal 9 (Killed)");
}

TEST_F(RunningSupervisorTest, WorkerFails_IsReplacedAsOftenAsItDoes) {
  BeReady();
  for (int i = 0; i < 3; ++i) {
    agent_->EndWorker(4);
    worker_ = agent_->WorkerStart();
    EXPECT_THAT(worker_.text, HasSubstr("status 4"));
  }
}

TEST_F(RunningSupervisorTest, NoWorkerWasEverReady_AgentEndsWithTheStatusOfTheFirst) {
  agent_->EndWorker(kExitConfiguration);
  EXPECT_EQ(agent_->Wait(), kExitConfiguration);
  EXPECT_EQ(Health().state, HealthState::kDown);
  EXPECT_EQ(::kill(loader_.pid, 0), -1) << "the loader is left";
}

TEST_F(RunningSupervisorTest, WorkerSendsNoMessage_IsReplaced) {
  BeReady();
  agent_->GarbageFromWorker();
  const SupervisedAgent::Child next = agent_->WorkerStart();
  EXPECT_NE(next.pid, worker_.pid);
}

TEST_F(RunningSupervisorTest, MessageThatNoWorkerSends_IsIgnored) {
  BeReady();
  agent_->FromWorker(MessageKind::kNewWorker);
  agent_->FromWorker(MessageKind::kReady);
  agent_->FromWorker(MessageKind::kAnswer, "text");
  ASSERT_EQ(::kill(agent_->pid(), SIGTERM), 0);
  EXPECT_EQ(Notification(), "STOPPING=1") << "ready once";
  ToWorker(MessageKind::kStop);
  agent_->EndWorker(0);
  EXPECT_EQ(agent_->Wait(), 0);
}

TEST_F(RunningSupervisorTest, LoaderEnds_WorkerReportsItAndTheAgentEnds) {
  BeReady();
  agent_->EndLoader(3);
  const Message stop = ToWorker(MessageKind::kStop);
  EXPECT_THAT(stop.text, HasSubstr("the loader"));
  EXPECT_THAT(stop.text, HasSubstr("status 3"));
  EXPECT_THAT(stop.text, HasSubstr("nothing watches this host any more"));
  EXPECT_EQ(Notification(), "STOPPING=1");
  agent_->EndWorker(0);
  EXPECT_EQ(agent_->Wait(), kExitLoaderGone);
}

TEST_F(RunningSupervisorTest, WorkerIsStopped_IsContinuedAndReportsIt) {
  BeReady();
  ASSERT_EQ(::kill(worker_.pid, SIGSTOP), 0);
  EXPECT_EQ(ToWorker(MessageKind::kInterference).text,
            "the worker was stopped by signal 19 and continued");
}

// Only a loader that goes on can exit with the test's status.
TEST_F(RunningSupervisorTest, LoaderIsStopped_IsContinuedAndTheWorkerReportsIt) {
  BeReady();
  ASSERT_EQ(::kill(loader_.pid, SIGSTOP), 0);
  EXPECT_EQ(ToWorker(MessageKind::kInterference).text,
            "the loader was stopped by signal 19 and continued");
  agent_->EndLoader(3);
  EXPECT_THAT(ToWorker(MessageKind::kStop).text, HasSubstr("status 3"));
}

TEST_F(RunningSupervisorTest, WorkerAssumesAHost_OnlyAnotherBootOfThisMachineIsAccepted) {
  BeReady();
  const std::string text = worker_.text.substr(0, worker_.text.find('|'));
  const absl::StatusOr<model::HostId> host = model::ParseHostId(text);
  ASSERT_TRUE(host.ok()) << host.status();
  model::HostId other_machine = *host, other_boot = *host;
  other_machine.machine.bytes[0] ^= 1;
  other_boot.boot.bytes[0] ^= 1;
  agent_->FromWorker(MessageKind::kAssume, model::ToString(other_machine));
  agent_->FromWorker(MessageKind::kAssume, "not a host");
  agent_->FromWorker(MessageKind::kAssume, model::ToString(other_boot));
  ExpectReplacement();
  EXPECT_EQ(agent_->WorkerStart().text, model::ToString(other_boot) + "|");
}

TEST_F(RunningSupervisorTest, Reload_ReplacesTheWorkerAndSetsTheLoadersLogLevel) {
  BeReady();
  for (const uint32_t pid : {0u, static_cast<uint32_t>(worker_.pid)}) {
    const auto connected = agent_->ToLoader();
    ASSERT_TRUE(connected.ok()) << connected.status();
    EXPECT_EQ(connected->kind, MessageKind::kNewWorker);
    EXPECT_EQ(connected->number, pid);
  }
  std::ofstream(settings_.file) << "state_directory: /s\ncollector: {address: 'unix:/c'}\n"
                                << "log_level: warning\n";
  ASSERT_EQ(::kill(agent_->pid(), SIGHUP), 0);
  ExpectReplacement();
  const auto level = agent_->ToLoader();
  ASSERT_TRUE(level.ok()) << level.status();
  EXPECT_EQ(level->kind, MessageKind::kLogLevel);
  EXPECT_EQ(level->number, static_cast<uint32_t>(LogLevel::kWarning));
  EXPECT_THAT(agent_->WorkerStart().text, EndsWith("|")) << "the last one did not fail";
}

TEST_F(RunningSupervisorTest, SignalToStop_ReachesTheWorkerWithItsSender) {
  BeReady();
  ASSERT_EQ(::kill(agent_->pid(), SIGTERM), 0);
  const Message stop = ToWorker(MessageKind::kStop);
  const StopSignal signal = FromNumbers({stop.number, stop.serial});
  EXPECT_EQ(signal.number, static_cast<uint32_t>(SIGTERM));
  EXPECT_EQ(signal.pid, static_cast<uint32_t>(::getpid()));
  EXPECT_EQ(stop.text, "");
  EXPECT_EQ(Notification(), "STOPPING=1");
  agent_->EndWorker(0);
  EXPECT_EQ(agent_->Wait(), 0);
  EXPECT_EQ(Health().detail, "it has ended");
}

}  // namespace
}  // namespace hoptrail::agent::supervisor
