#include "agent/supervisor/worker_process.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <sys/wait.h>

namespace hoptrail::agent::supervisor {
namespace {

using privilege::Channel;
using privilege::Message;
using privilege::MessageKind;

constexpr absl::Duration kWorkerPatience = absl::Seconds(30);

// Sends every message back until one asks it to end.
[[noreturn]] void EchoUntilStopped(const Channel& supervisor) {
  for (;;) {
    const absl::StatusOr<Message> message = supervisor.Receive(kWorkerPatience);
    if (!message.ok()) ::_exit(1);
    if (!supervisor.Send(message->kind, message->number, message->serial, message->text).ok()) {
      ::_exit(2);
    }
    if (message->kind == MessageKind::kStop) ::_exit(0);
  }
}

class WorkerProcessTest : public testing::Test {
 protected:
  void Start() { ASSERT_TRUE(worker_.Start(EchoUntilStopped).ok()); }
  void StartOneThatHangs() {
    const absl::Status started = worker_.Start([](const Channel& supervisor) {
      (void)supervisor.Send(MessageKind::kReady, 0);
      for (;;) ::pause();
    });
    ASSERT_TRUE(started.ok()) << started;
    ASSERT_TRUE(Wait().ok());
  }
  // The next message from the worker.
  absl::StatusOr<Message> Wait() {
    const SteadyTime deadline = SteadyTime::Now() + kWorkerPatience;
    for (;;) {
      pollfd wait = {.fd = worker_.fd(), .events = POLLIN, .revents = 0};
      if (::poll(&wait, 1, 1000) == 1) return worker_.Receive();
      if (SteadyTime::Now() > deadline) return absl::DeadlineExceededError("no message");
    }
  }
  // The status of wait(2).
  int WaitForEnd() {
    int status = -1;
    EXPECT_EQ(::waitpid(worker_.pid(), &status, 0), worker_.pid());
    worker_.OnEnd();
    return status;
  }

  WorkerProcess worker_;
};

TEST_F(WorkerProcessTest, RequestReplacement_AsksItToEndWithoutAReason) {
  Start();
  const SteadyTime now = SteadyTime::Now();
  EXPECT_EQ(worker_.due(), SteadyTime::InfiniteFuture());
  ASSERT_TRUE(worker_.RequestReplacement(now));
  EXPECT_EQ(worker_.due(), now + WorkerProcess::kStopWithin);
  const auto message = Wait();
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->kind, MessageKind::kStop);
  EXPECT_EQ(message->number, 0u);
  EXPECT_EQ(message->text, "");
  EXPECT_EQ(WaitForEnd(), 0);
  EXPECT_EQ(worker_.due(), SteadyTime::InfiniteFuture());
  EXPECT_FALSE(worker_.RequestReplacement(now)) << "none runs";
}

TEST_F(WorkerProcessTest, RequestStop_CarriesTheSignalAndTheTrouble) {
  Start();
  worker_.RequestStop({.number = SIGTERM, .pid = 12, .uid = 34}, "the loader has ended");
  const auto message = Wait();
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->kind, MessageKind::kStop);
  EXPECT_EQ(message->text, "the loader has ended");
  const StopSignal signal = FromNumbers({message->number, message->serial});
  EXPECT_EQ(signal.number, static_cast<uint32_t>(SIGTERM));
  EXPECT_EQ(signal.pid, 12u);
  EXPECT_EQ(signal.uid, 34u);
  WaitForEnd();
}

TEST_F(WorkerProcessTest, WorkerThatDoesNotEnd_IsKilledAtItsDeadline) {
  StartOneThatHangs();
  const SteadyTime now = SteadyTime::Now();
  ASSERT_TRUE(worker_.RequestReplacement(now));
  worker_.CheckTime(now + (WorkerProcess::kStopWithin - absl::Milliseconds(1)));
  EXPECT_EQ(::waitpid(worker_.pid(), nullptr, WNOHANG), 0) << "too early";
  worker_.CheckTime(now + WorkerProcess::kStopWithin);
  EXPECT_EQ(worker_.due(), SteadyTime::InfiniteFuture());
  const int status = WaitForEnd();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
}

TEST_F(WorkerProcessTest, InterferenceWithAWorker_IsSentAtOnce) {
  Start();
  worker_.ReportInterference("stopped by signal 19");
  const auto message = Wait();
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->kind, MessageKind::kInterference);
  EXPECT_EQ(message->text, "stopped by signal 19");
}

TEST_F(WorkerProcessTest, InterferenceWithoutAWorker_IsDeliveredToTheNextOnce) {
  worker_.ReportInterference("stopped by signal 19");
  Start();
  worker_.DeliverInterference();
  worker_.DeliverInterference();
  ASSERT_TRUE(worker_.RequestReplacement(SteadyTime::Now()));
  const auto first = Wait();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->kind, MessageKind::kInterference);
  EXPECT_EQ(first->text, "stopped by signal 19");
  const auto second = Wait();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->kind, MessageKind::kStop) << "the text came twice";
  WaitForEnd();
}

TEST_F(WorkerProcessTest, WorkerThatEnded_IsNotConnected) {
  Start();
  EXPECT_TRUE(worker_.connected());
  worker_.Kill();
  EXPECT_FALSE(Wait().ok());
  EXPECT_FALSE(worker_.connected());
  EXPECT_TRUE(worker_.running()) << "its end was not waited for";
  WaitForEnd();
  EXPECT_FALSE(worker_.running());
}

}  // namespace
}  // namespace hoptrail::agent::supervisor
