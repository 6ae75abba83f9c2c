#include "agent/loader/message_handler.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/log.h"
#include <sys/socket.h>
#include <sys/stat.h>

namespace hoptrail::agent::loader {
namespace {

using privilege::Channel;
using privilege::Message;
using privilege::MessageKind;
using privilege::ResourceKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The test plays the supervisor, the worker and the kernel.
class MessageHandlerTest : public testing::Test {
 protected:
  MessageHandlerTest() {
    auto ends = Channel::Pair();
    EXPECT_TRUE(ends.ok()) << ends.status();
    supervisor_ = std::move(ends->first);
    std::filesystem::create_directories(root_ + "/etc");
    std::ofstream(root_ + "/etc/passwd") << "root:x:0:0::/root:/bin/sh\n";
    handler_ = std::make_unique<MessageHandler>(
        std::move(ends->second),
        MessageHandler::Options{.host_root = root_,
                                .open_iterator = [this](kernel::Walk walk) { return Open(walk); },
                                .on_worker = [this](uint32_t pid) { workers_.push_back(pid); }});
  }
  ~MessageHandlerTest() override {
    std::filesystem::remove_all(root_);
    SetLogLevel(LogLevel::kInfo);
  }

  absl::StatusOr<UniqueFd> Open(kernel::Walk walk) {
    walks_.push_back(walk);
    if (walk == kernel::Walk::kListeners) return absl::NotFoundError("no such iterator");
    return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }

  // Connects another worker; returns its end.
  Channel Connect(uint32_t pid) {
    auto ends = Channel::Pair();
    EXPECT_TRUE(ends.ok()) << ends.status();
    EXPECT_TRUE(supervisor_.Send(MessageKind::kNewWorker, pid, 0, "", {ends->second.fd()}).ok());
    EXPECT_TRUE(handler_->HandleSupervisor());
    return std::move(ends->first);
  }
  // The answer to a message of the worker.
  absl::StatusOr<Message> Ask(const Channel& worker, MessageKind kind, uint32_t number,
                              uint64_t serial = 7) {
    EXPECT_TRUE(worker.Send(kind, number, serial).ok());
    handler_->HandleWorker();
    return worker.Receive(absl::ZeroDuration());
  }
  absl::StatusOr<Message> Request(const Channel& worker, ResourceKind resource) {
    return Ask(worker, MessageKind::kRequest, static_cast<uint32_t>(resource));
  }
  static void ExpectError(const absl::StatusOr<Message>& answer, absl::StatusCode code,
                          const std::string& text) {
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->kind, MessageKind::kAnswer);
    EXPECT_EQ(answer->number, static_cast<uint32_t>(code));
    EXPECT_EQ(answer->serial, 7u);
    EXPECT_THAT(answer->text, HasSubstr(text));
    EXPECT_TRUE(answer->fds.empty());
  }

  const std::string root_ =
      testing::TempDir() + "/message_handler_test_" + std::to_string(::getpid());
  Channel supervisor_{UniqueFd()};
  std::vector<kernel::Walk> walks_;
  std::vector<uint32_t> workers_;
  std::unique_ptr<MessageHandler> handler_;
};

TEST_F(MessageHandlerTest, RequestOfAnIterator_IsAnsweredWithItsDescriptor) {
  const Channel worker = Connect(1);
  const auto answer = Request(worker, ResourceKind::kConnections);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->kind, MessageKind::kAnswer);
  EXPECT_EQ(answer->number, 0u);
  EXPECT_EQ(answer->serial, 7u);
  EXPECT_EQ(answer->fds.size(), 1u);
  EXPECT_THAT(walks_, ElementsAre(kernel::Walk::kConnections));
}

TEST_F(MessageHandlerTest, RequestOfAccounts_IsAnsweredWithTheFileOfTheHost) {
  const Channel worker = Connect(1);
  const auto answer = Request(worker, ResourceKind::kAccounts);
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->fds.size(), 1u);
  struct stat given, expected;
  ASSERT_EQ(::fstat(answer->fds[0].get(), &given), 0);
  ASSERT_EQ(::stat((root_ + "/etc/passwd").c_str(), &expected), 0);
  EXPECT_EQ(given.st_ino, expected.st_ino);
  EXPECT_EQ(given.st_dev, expected.st_dev);
  EXPECT_EQ(::fcntl(answer->fds[0].get(), F_GETFL) & O_ACCMODE, O_RDONLY);
}

TEST_F(MessageHandlerTest, ResourceThatCannotBeOpened_IsAnsweredWithTheReason) {
  const Channel worker = Connect(1);
  ExpectError(Request(worker, ResourceKind::kListeners), absl::StatusCode::kNotFound,
              "no such iterator");
  ExpectError(Request(worker, ResourceKind::kUnitsOfAdministrator), absl::StatusCode::kNotFound,
              "/etc/systemd");
}

TEST_F(MessageHandlerTest, UnknownResource_IsAnsweredWithAnError) {
  const Channel worker = Connect(1);
  for (const uint32_t number : {8u, 9u, ~0u}) {
    ExpectError(Ask(worker, MessageKind::kRequest, number), absl::StatusCode::kInvalidArgument,
                "resource " + std::to_string(number) + " does not exist");
  }
  EXPECT_TRUE(walks_.empty());
}

TEST_F(MessageHandlerTest, MessageThatIsNoRequest_IsAnsweredWithAnErrorAndHasNoEffect) {
  const Channel worker = Connect(1);
  for (const MessageKind kind : {MessageKind::kStarted, MessageKind::kNewWorker, MessageKind::kStop,
                                 MessageKind::kLogLevel, MessageKind::kAssume}) {
    ExpectError(Ask(worker, kind, 0), absl::StatusCode::kInvalidArgument, "not a request");
  }
  EXPECT_TRUE(walks_.empty());
  EXPECT_THAT(workers_, ElementsAre(1u));
}

TEST_F(MessageHandlerTest, WorkerSendsNoMessage_IsDisconnectedAndTheNextIsServed) {
  const Channel worker = Connect(1);
  ASSERT_EQ(::send(worker.fd(), "?", 1, 0), 1);
  handler_->HandleWorker();
  EXPECT_EQ(handler_->worker_fd(), -1);
  EXPECT_TRUE(absl::IsUnavailable(worker.Receive(absl::ZeroDuration()).status()));
  const Channel next = Connect(2);
  EXPECT_TRUE(Request(next, ResourceKind::kProcesses).ok());
}

TEST_F(MessageHandlerTest, WorkerHasEnded_IsDisconnected) {
  Connect(1);
  handler_->HandleWorker();
  EXPECT_EQ(handler_->worker_fd(), -1);
  EXPECT_TRUE(handler_->HandleSupervisor()) << "only the supervisor's end is the loader's";
}

TEST_F(MessageHandlerTest, AnotherWorker_TakesThePlaceOfTheFirst) {
  const Channel first = Connect(1);
  const Channel second = Connect(2);
  EXPECT_THAT(workers_, ElementsAre(1u, 2u));
  EXPECT_TRUE(absl::IsUnavailable(first.Receive(absl::ZeroDuration()).status()));
  EXPECT_TRUE(Request(second, ResourceKind::kProcesses).ok());
}

TEST_F(MessageHandlerTest, WorkersMessageWithoutDescriptor_IsIgnored) {
  const Channel worker = Connect(1);
  ASSERT_TRUE(supervisor_.Send(MessageKind::kNewWorker, 2).ok());
  EXPECT_TRUE(handler_->HandleSupervisor());
  EXPECT_THAT(workers_, ElementsAre(1u));
  EXPECT_TRUE(Request(worker, ResourceKind::kProcesses).ok());
}

TEST_F(MessageHandlerTest, LogLevel_IsSetAndALevelThatDoesNotExistIsTheLast) {
  for (const uint32_t level : {static_cast<uint32_t>(LogLevel::kWarning), ~0u}) {
    ASSERT_TRUE(supervisor_.Send(MessageKind::kLogLevel, level).ok());
    EXPECT_TRUE(handler_->HandleSupervisor());
    testing::internal::CaptureStderr();
    LogInfo("test", "an information");
    LogWarning("test", "a warning");
    LogError("test", "an error");
    const std::string logged = testing::internal::GetCapturedStderr();
    EXPECT_EQ(logged.find("an information"), std::string::npos);
    EXPECT_EQ(logged.find("a warning") == std::string::npos, level == ~0u);
    EXPECT_THAT(logged, HasSubstr("an error"));
  }
}

TEST_F(MessageHandlerTest, SupervisorSendsNoMessage_IsIgnored) {
  ASSERT_EQ(::send(supervisor_.fd(), "?", 1, 0), 1);
  EXPECT_TRUE(handler_->HandleSupervisor());
}

TEST_F(MessageHandlerTest, SupervisorHasEnded_LoaderEnds) {
  supervisor_ = Channel(UniqueFd());
  EXPECT_FALSE(handler_->HandleSupervisor());
}

}  // namespace
}  // namespace hoptrail::agent::loader
