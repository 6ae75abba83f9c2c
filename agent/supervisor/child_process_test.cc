#include "agent/supervisor/child_process.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "absl/time/time.h"
#include <gtest/gtest.h>

#include <sys/wait.h>

namespace hoptrail::agent::supervisor {
namespace {

using privilege::Channel;
using privilege::MessageKind;

constexpr absl::Duration kPatience = absl::Seconds(30);

[[noreturn]] void Hang() {
  for (;;) ::pause();
}

TEST(ChildProcessTest, Child_HasTheOtherEndOfTheChannel) {
  ChildProcess child;
  EXPECT_FALSE(child.running());
  ASSERT_TRUE(child
                  .Start([](Channel supervisor) {
                    const auto request = supervisor.Receive(kPatience);
                    if (!request.ok()) ::_exit(1);
                    ::_exit(supervisor.Send(MessageKind::kReady, request->number).ok() ? 0 : 2);
                  })
                  .ok());
  EXPECT_TRUE(child.running());
  ASSERT_TRUE(child.channel().Send(MessageKind::kStop, 7).ok());
  const auto answer = child.channel().Receive(kPatience);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->number, 7u);
  int status = -1;
  ASSERT_EQ(::waitpid(child.pid(), &status, 0), child.pid());
  EXPECT_EQ(status, 0);
  child.OnEnd();
  EXPECT_FALSE(child.running());
  EXPECT_FALSE(child.channel().valid());
}

TEST(ChildProcessTest, ChildThatEnds_ClosesTheChannel) {
  ChildProcess child;
  ASSERT_TRUE(child.Start([](const Channel&) { ::_exit(0); }).ok());
  EXPECT_TRUE(absl::IsUnavailable(child.channel().Receive(kPatience).status()));
}

TEST(ChildProcessTest, Kill_EndsTheChildAndLeavesTheWaitToTheCaller) {
  ChildProcess child;
  child.Kill();  // none runs: nothing happens
  ASSERT_TRUE(child.Start([](const Channel&) { Hang(); }).ok());
  child.Kill();
  int status = -1;
  ASSERT_EQ(::waitpid(child.pid(), &status, 0), child.pid());
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  child.OnEnd();
}

TEST(ChildProcessTest, Destructor_KillsTheChildAndWaits) {
  auto child = std::make_unique<ChildProcess>();
  ASSERT_TRUE(child->Start([](const Channel&) { Hang(); }).ok());
  const pid_t pid = child->pid();
  child.reset();
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH) << "it runs or is a zombie";
}

}  // namespace
}  // namespace hoptrail::agent::supervisor
