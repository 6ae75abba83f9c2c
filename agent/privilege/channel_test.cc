#include "agent/privilege/channel.h"

#include <unistd.h>

#include <gtest/gtest.h>

#include <sys/socket.h>

namespace hoptrail::agent::privilege {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(10);

std::pair<Channel, Channel> MakePair() {
  auto pair = Channel::Pair();
  EXPECT_TRUE(pair.ok()) << pair.status();
  return *std::move(pair);
}

TEST(Channel, Message_ArrivesCompletely) {
  auto [left, right] = MakePair();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd read_end(ends[0]);
  {
    const UniqueFd write_end(ends[1]);
    ASSERT_TRUE(left.Send(MessageKind::kAnswer, 7, 9, "why", {write_end.get()}).ok());
  }
  auto message = right.Receive(kPatience);
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->kind, MessageKind::kAnswer);
  EXPECT_EQ(message->number, 7u);
  EXPECT_EQ(message->serial, 9u);
  EXPECT_EQ(message->text, "why");
  ASSERT_EQ(message->fds.size(), 1u);
  ASSERT_EQ(::write(message->fds[0].get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(read_end.get(), &byte, 1), 1);
}

TEST(Channel, LongText_IsCut) {
  auto [left, right] = MakePair();
  ASSERT_TRUE(left.Send(MessageKind::kStop, 0, 0, std::string(10'000, 'x')).ok());
  EXPECT_EQ(right.Receive(kPatience)->text.size(), kMaxTextBytes);
}

TEST(Channel, DataThatIsNoMessage_IsAnError) {
  auto [left, right] = MakePair();
  ASSERT_EQ(::send(left.fd(), "short", 5, 0), 5);
  EXPECT_TRUE(absl::IsInvalidArgument(right.Receive(kPatience).status()));
  const std::string long_one(5000, 'x');
  ASSERT_EQ(::send(left.fd(), long_one.data(), long_one.size(), 0), 5000);
  EXPECT_TRUE(absl::IsInvalidArgument(right.Receive(kPatience).status()));
  const std::string unknown(16, '\xff');
  ASSERT_EQ(::send(left.fd(), unknown.data(), unknown.size(), 0), 16);
  EXPECT_TRUE(absl::IsInvalidArgument(right.Receive(kPatience).status()));
}

TEST(Channel, MoreDescriptorsThanAllowed_AreNotSent) {
  auto [left, right] = MakePair();
  EXPECT_FALSE(left.Send(MessageKind::kAnswer, 0, 0, "", std::vector<int>(kMaxFds + 1, 0)).ok());
  ASSERT_TRUE(left.Send(MessageKind::kAnswer, 0, 0, "", std::vector<int>(kMaxFds, 0)).ok());
  EXPECT_EQ(right.Receive(kPatience)->fds.size(), kMaxFds);
}

TEST(Channel, SilentProcess_IsDistinguishedFromAnEndedOne) {
  auto [left, right] = MakePair();
  EXPECT_TRUE(absl::IsDeadlineExceeded(right.Receive(absl::Milliseconds(5)).status()));
  left = Channel(UniqueFd());
  EXPECT_TRUE(absl::IsUnavailable(right.Receive(kPatience).status()));
  EXPECT_TRUE(absl::IsUnavailable(right.Send(MessageKind::kReady, 0)));
}

}  // namespace
}  // namespace hoptrail::agent::privilege
