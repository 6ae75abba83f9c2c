// A loader that cannot start. message_handler_test.cc tests its messages, and the lab the rest.

#include "agent/loader/loader.h"

#include <unistd.h>

#include <utility>

#include "absl/time/time.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>

namespace hoptrail::agent::loader {
namespace {

using privilege::Channel;
using privilege::Message;
using privilege::MessageKind;
using ::testing::HasSubstr;

// A loader's messages and end, run in a process of its own.
struct Outcome {
  int status = -1;  // of wait(2)
  absl::StatusOr<Message> message = absl::UnknownError("");
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
  outcome.message = ends->first.Receive(absl::Seconds(30));
  outcome.after = ends->first.Receive(absl::Seconds(30));
  EXPECT_EQ(::waitpid(pid, &outcome.status, 0), pid);
  return outcome;
}

TEST(LoaderTest, NamespaceDoesNotExist_IsReportedOnceBeforeTheEnd) {
  Settings settings;
  settings.network_namespace = "/proc/nowhere/ns/net";
  const Outcome outcome = RunLoaderOnce(settings, ::getpid());
  ASSERT_TRUE(outcome.message.ok()) << outcome.message.status();
  EXPECT_EQ(outcome.message->kind, MessageKind::kStarted);
  EXPECT_EQ(outcome.message->number, static_cast<uint32_t>(absl::StatusCode::kNotFound));
  EXPECT_THAT(outcome.message->text, HasSubstr("/proc/nowhere/ns/net"));
  EXPECT_TRUE(outcome.message->fds.empty()) << "nothing was loaded";
  EXPECT_TRUE(absl::IsUnavailable(outcome.after.status())) << outcome.after.status();
  ASSERT_TRUE(WIFEXITED(outcome.status));
  EXPECT_EQ(WEXITSTATUS(outcome.status), 1);
}

// Otherwise a loader whose supervisor was killed during the start would run forever.
TEST(LoaderTest, ParentHasEnded_NothingIsLoaded) {
  const Outcome outcome = RunLoaderOnce({}, ::getpid() + 1);
  ASSERT_TRUE(outcome.message.ok()) << outcome.message.status();
  EXPECT_EQ(outcome.message->kind, MessageKind::kStarted);
  EXPECT_EQ(outcome.message->number, static_cast<uint32_t>(absl::StatusCode::kAborted));
  EXPECT_THAT(outcome.message->text, HasSubstr("parent process has already ended"));
  EXPECT_TRUE(outcome.message->fds.empty()) << "nothing was loaded";
  ASSERT_TRUE(WIFEXITED(outcome.status)) << outcome.status;
  EXPECT_EQ(WEXITSTATUS(outcome.status), 1);
}

}  // namespace
}  // namespace hoptrail::agent::loader
