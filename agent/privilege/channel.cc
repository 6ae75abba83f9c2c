#include "agent/privilege/channel.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

#include "core/base/steady_time.h"
#include <sys/socket.h>

namespace hoptrail::agent::privilege {
namespace {

struct Head {
  uint32_t kind;
  uint32_t number;
  uint64_t serial;
};
static_assert(sizeof(Head) == 16);

constexpr uint32_t kLastKind = static_cast<uint32_t>(MessageKind::kAssume);

union Control {
  char bytes[CMSG_SPACE(kMaxFds * sizeof(int))];
  cmsghdr align;
};

// Takes all descriptors out of a received message, even an invalid one, so that none leaks.
std::vector<UniqueFd> TakeFds(msghdr* message) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* c = CMSG_FIRSTHDR(message); c != nullptr; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

absl::StatusOr<std::pair<Channel, Channel>> Channel::Pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return absl::ErrnoToStatus(errno, "socketpair");
  }
  return std::make_pair(Channel(UniqueFd(ends[0])), Channel(UniqueFd(ends[1])));
}

absl::Status Channel::Send(MessageKind kind, uint32_t number, uint64_t serial,
                           absl::string_view text, const std::vector<int>& fds) const {
  Head head = {static_cast<uint32_t>(kind), number, serial};
  iovec parts[2] = {{&head, sizeof(head)},
                    {const_cast<char*>(text.data()), std::min(text.size(), kMaxTextBytes)}};
  msghdr message = {};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  Control control = {};
  if (!fds.empty()) {
    if (fds.size() > kMaxFds) return absl::InvalidArgumentError("too many descriptors");
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(c), fds.data(), fds.size() * sizeof(int));
  }
  ssize_t sent;
  do {
    sent = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("sendmsg: ", strerror(errno)));
}

absl::StatusOr<Message> Channel::Receive(absl::Duration timeout) const {
  const SteadyTime deadline = SteadyTime::Now() + timeout;
  for (;;) {
    const int64_t left =
        std::max<int64_t>(0, absl::ToInt64Milliseconds(deadline - SteadyTime::Now()));
    pollfd wait = {.fd = fd_.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::min<int64_t>(left, 1'000'000)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return absl::ErrnoToStatus(errno, "poll");
    if (ready > 0) break;
    if (left == 0) return absl::DeadlineExceededError("the other process did not answer in time");
  }
  Head head = {};
  char text[kMaxTextBytes];
  iovec parts[2] = {{&head, sizeof(head)}, {text, sizeof(text)}};
  Control control = {};
  msghdr message = {};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof(control.bytes);
  ssize_t size;
  do {
    size = ::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  if (size == 0) return absl::UnavailableError("the other process has ended");
  if (size < 0) return absl::UnavailableError(absl::StrCat("recvmsg: ", strerror(errno)));
  Message result;
  result.fds = TakeFds(&message);
  const bool cut = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  if (cut || static_cast<size_t>(size) < sizeof(head) || head.kind == 0 || head.kind > kLastKind) {
    return absl::InvalidArgumentError("the other process sent an invalid message");
  }
  result.kind = static_cast<MessageKind>(head.kind);
  result.number = head.number;
  result.serial = head.serial;
  result.text.assign(text, static_cast<size_t>(size) - sizeof(head));
  return result;
}

}  // namespace hoptrail::agent::privilege
