#include "agent/supervisor/signals.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <functional>

#include <gtest/gtest.h>

#include <sys/wait.h>

namespace hoptrail::agent::supervisor {
namespace {

constexpr int kNoSignals = 100;

// Runs `check` in a child process, because blocked signals would stay blocked for the other tests.
// Returns its result, 0 for success.
int InChild(const std::function<int(const Signals&)>& check) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto signals = Signals::Block();
    ::_exit(signals.ok() ? check(*signals) : kNoSignals);
  }
  int status = -1;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status)) << "status " << status;
  return WEXITSTATUS(status);
}

bool IsReadable(const Signals& signals) {
  pollfd wait = {.fd = signals.fd(), .events = POLLIN, .revents = 0};
  return ::poll(&wait, 1, 0) == 1;
}

TEST(SignalsTest, NoSignal_ReceivesNothing) {
  EXPECT_EQ(InChild([](const Signals& signals) {
              if (IsReadable(signals)) return 1;
              const Signals::Received received = signals.Read();
              return !received.reload && !received.stop.has_value() ? 0 : 2;
            }),
            0);
}

TEST(SignalsTest, Hangup_AsksForAReload) {
  EXPECT_EQ(InChild([](const Signals& signals) {
              ::kill(::getpid(), SIGHUP);
              if (!IsReadable(signals)) return 1;
              const Signals::Received received = signals.Read();
              if (!received.reload || received.stop.has_value()) return 2;
              return signals.Read().reload ? 3 : 0;
            }),
            0);
}

// A service manager may start the agent with SIGHUP ignored.
TEST(SignalsTest, HangupThatWasIgnored_IsReceivedAllTheSame) {
  EXPECT_EQ(InChild([](const Signals&) {
              ::signal(SIGHUP, SIG_IGN);
              const auto signals = Signals::Block();
              ::kill(::getpid(), SIGHUP);
              return signals.ok() && signals->Read().reload ? 0 : 1;
            }),
            0);
}

TEST(SignalsTest, StopSignal_ComesWithItsSender) {
  EXPECT_EQ(InChild([](const Signals& signals) {
              ::kill(::getpid(), SIGTERM);
              const Signals::Received received = signals.Read();
              if (received.reload || !received.stop.has_value()) return 1;
              if (received.stop->number != SIGTERM) return 2;
              if (received.stop->from != StopSignal::From::kProcess) return 3;
              return received.stop->pid == static_cast<uint32_t>(::getpid()) ? 0 : 4;
            }),
            0);
}

TEST(SignalsTest, EndOfAChild_OnlyWakes) {
  EXPECT_EQ(InChild([](const Signals& signals) {
              const pid_t child = ::fork();
              if (child == 0) ::_exit(0);
              ::waitpid(child, nullptr, 0);
              if (!IsReadable(signals)) return 1;
              const Signals::Received received = signals.Read();
              return !received.reload && !received.stop.has_value() && !IsReadable(signals) ? 0 : 2;
            }),
            0);
}

}  // namespace
}  // namespace hoptrail::agent::supervisor
