// What the loader says where it cannot start. What it does with a kernel is seen in the lab.

#include "agent/loader/loader.h"

#include <unistd.h>

#include <utility>

#include "absl/time/time.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>

namespace hoptrail::agent {
namespace {

using privilege::Channel;
using privilege::Message;
using privilege::MessageKind;
using ::testing::HasSubstr;

// Runs a loader in a process of its own until that has ended.
struct Outcome {
  int status = -1;  // of wait(2)
  absl::StatusOr<Message> word = absl::UnknownError("");
  absl::StatusOr<Message> after = absl::UnknownError("");
};

Outcome RunLoaderOnce(const Settings& settings, pid_t parent) {
  Outcome outcome;
  auto ends = Channel::Pair();
  EXPECT_TRUE(ends.ok()) << ends.status();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ends->first = Channel(UniqueFd());
    ::_exit(RunLoader(settings, std::move(ends->second), parent));
  }
  ends->second = Channel(UniqueFd());
  outcome.word = ends->first.Receive(absl::Seconds(30));
  outcome.after = ends->first.Receive(absl::Seconds(30));
  EXPECT_EQ(::waitpid(pid, &outcome.status, 0), pid);
  return outcome;
}

TEST(LoaderTest, WithoutItsNamespaceItSaysSoOnceAndEnds) {
  Settings settings;
  settings.network_namespace = "/proc/nowhere/ns/net";
  const Outcome outcome = RunLoaderOnce(settings, ::getpid());
  ASSERT_TRUE(outcome.word.ok()) << outcome.word.status();
  EXPECT_EQ(outcome.word->kind, MessageKind::kStarted);
  EXPECT_EQ(outcome.word->number, static_cast<uint32_t>(absl::StatusCode::kNotFound));
  EXPECT_THAT(outcome.word->text, HasSubstr("/proc/nowhere/ns/net"));
  EXPECT_TRUE(outcome.word->fds.empty()) << "nothing was loaded";
  EXPECT_TRUE(absl::IsUnavailable(outcome.after.status())) << outcome.after.status();
  ASSERT_TRUE(WIFEXITED(outcome.status));
  EXPECT_EQ(WEXITSTATUS(outcome.status), 1);
}

// Else one whose supervisor was killed while it was started would watch for ever.
TEST(LoaderTest, WhoseParentIsAnotherLoadsNothing) {
  const Outcome outcome = RunLoaderOnce({}, ::getpid() + 1);
  ASSERT_TRUE(WIFEXITED(outcome.status) || WIFSIGNALED(outcome.status));
  EXPECT_FALSE(WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == 0);
  EXPECT_FALSE(outcome.word.ok() && outcome.word->number == 0) << "it started";
}

}  // namespace
}  // namespace hoptrail::agent
