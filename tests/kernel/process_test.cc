// Records of fork and exit, against what a small program did.

#include <signal.h>
#include <unistd.h>

#include <thread>

#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include <sys/wait.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Exit;
using agent::decode::Fork;

TEST(ProcessTest, ForkAndExit_HaveTheSameProcessKey) {
  Recorder recorder;
  Child child([] { return 3; });
  const auto pid = static_cast<uint32_t>(child.pid());
  EXPECT_EQ(child.Wait(), 3 << 8);
  const Event* fork = recorder.WaitForBody<Fork>(
      "fork", [&](const Event&, const Fork& body) { return body.child.tgid == pid; });
  ASSERT_NE(fork, nullptr);
  EXPECT_TRUE(IsProcess(fork->header.process, getpid()));
  EXPECT_EQ(fork->header.parent.tgid, static_cast<uint32_t>(getppid()));
  EXPECT_EQ(fork->header.credentials.uid, 0u);
  EXPECT_EQ(fork->header.namespaces.network, NetworkNamespace());
  EXPECT_NE(fork->header.namespaces.pid, 0u);
  EXPECT_NE(fork->header.namespaces.mount, 0u);
  EXPECT_NE(fork->header.namespaces.user, 0u);
  const model::ProcessKey key = std::get<Fork>(fork->body).child;
  EXPECT_GT(key.start_boot_ns, 0u);

  const Event* exit = recorder.WaitForBody<Exit>(
      "exit", [&](const Event& event, const Exit&) { return event.header.process.tgid == pid; });
  ASSERT_NE(exit, nullptr);
  EXPECT_EQ(exit->header.process, key);
  EXPECT_EQ(std::get<Exit>(exit->body).status, 3 << 8);
}

TEST(ProcessTest, DeathBySignal_IsInTheExitStatus) {
  Recorder recorder;
  Child child([] { return raise(SIGKILL); });
  const auto pid = static_cast<uint32_t>(child.pid());
  // Not by WIFSIGNALED: it may compile to an instruction that stores a CPU flag. If that is the
  // first write to its page after the fork, it faults, and QEMU 7.2 loses the CPU's flags.
  ASSERT_EQ(WTERMSIG(child.Wait()), SIGKILL);
  const Event* exit = recorder.WaitForBody<Exit>(
      "exit", [&](const Event& event, const Exit&) { return event.header.process.tgid == pid; });
  ASSERT_NE(exit, nullptr);
  EXPECT_EQ(WTERMSIG(std::get<Exit>(exit->body).status), SIGKILL);
}

TEST(ProcessTest, Threads_AreNotEmittedAsProcesses) {
  Recorder recorder;
  Child child([] {
    for (int i = 0; i < 5; ++i) std::thread([] {}).join();
    return 4;
  });
  const auto pid = static_cast<uint32_t>(child.pid());
  child.Wait();
  recorder.Settle();
  for (const auto& [event, fork] : recorder.All<Fork>()) {
    EXPECT_NE(event->header.process.tgid, pid) << "a thread was emitted as a process";
  }
  int exits = 0;
  for (const auto& [event, exit] : recorder.All<Exit>()) {
    exits += event->header.process.tgid == pid;
  }
  EXPECT_EQ(exits, 1);
}

}  // namespace
}  // namespace hoptrail::kernel_test
