#include "agent/stop/stop_request.h"

#include <signal.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "core/base/unique_fd.h"
#include <sys/syscall.h>
#include <sys/wait.h>

namespace hoptrail::agent {
namespace {

using From = StopSignal::From;

// The signal as received from a child that runs `send(our pid)`.
template <typename Send>
StopSignal Sent(Send send) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  const UniqueFd signals(::signalfd(-1, &set, SFD_CLOEXEC));
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    send(parent);
    ::_exit(0);
  }
  signalfd_siginfo info{};
  EXPECT_EQ(::read(signals.get(), &info, sizeof(info)), static_cast<ssize_t>(sizeof(info)));
  ::waitpid(child, nullptr, 0);
  StopSignal signal = FromSignalInfo(info, child);
  if (signal.pid == static_cast<uint32_t>(child)) signal.pid = 1;  // for the tests to compare with
  return signal;
}

TEST(StopRequest, SignalByKill_SenderIsBelieved) {
  const StopSignal signal = Sent([](pid_t pid) { ::kill(pid, SIGTERM); });
  EXPECT_EQ(signal.number, static_cast<uint32_t>(SIGTERM));
  EXPECT_EQ(signal.from, From::kProcess);
  EXPECT_EQ(signal.pid, 1u);
  EXPECT_EQ(signal.uid, ::getuid());
  EXPECT_TRUE(signal.by_parent);
}

TEST(StopRequest, SignalByQueue_SenderIsNotBelieved) {
  const StopSignal signal = Sent([](pid_t pid) {
    siginfo_t claim{};
    claim.si_signo = SIGTERM;
    claim.si_code = SI_QUEUE;
    claim.si_pid = 1;
    ::syscall(SYS_rt_sigqueueinfo, pid, SIGTERM, &claim);
  });
  EXPECT_EQ(signal.from, From::kUnknown);
  EXPECT_EQ(signal.pid, 0u);
  EXPECT_FALSE(signal.by_parent);
}

TEST(StopRequest, SenderOutsideThePidNamespace_IsNotTheParent) {
  signalfd_siginfo info{};
  info.ssi_signo = SIGTERM;
  info.ssi_code = SI_USER;
  const StopSignal outside = FromSignalInfo(info, 0);
  EXPECT_EQ(outside.from, From::kProcess);
  EXPECT_FALSE(outside.by_parent);
  info.ssi_code = SI_KERNEL;
  EXPECT_EQ(FromSignalInfo(info, 0).from, From::kKernel);
}

TEST(StopRequest, Numbers_RoundTrip) {
  const StopSignal signal{.number = SIGINT,
                          .from = From::kUnknown,
                          .pid = 0xfffffffe,
                          .uid = 0xfffffffd,
                          .by_parent = true};
  const StopSignal back = FromNumbers(ToNumbers(signal));
  EXPECT_EQ(back.number, signal.number);
  EXPECT_EQ(back.from, signal.from);
  EXPECT_EQ(back.pid, signal.pid);
  EXPECT_EQ(back.uid, signal.uid);
  EXPECT_EQ(back.by_parent, signal.by_parent);
  EXPECT_EQ(FromNumbers({.number = 0, .serial = 0}).number, 0u);
  EXPECT_EQ(FromNumbers({.number = 0xffff, .serial = 0}).from, From::kUnknown);
}

}  // namespace
}  // namespace hoptrail::agent
