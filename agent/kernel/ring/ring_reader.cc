#include "agent/kernel/ring/ring_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "core/base/clock.h"
#include "core/base/status_macros.h"
#include <sys/epoll.h>

namespace hoptrail::agent::kernel {
namespace {

// The kernel side sends no wake-up for low records, so they are polled for this often at least.
constexpr absl::Duration kTick = absl::Milliseconds(50);

}  // namespace

absl::StatusOr<RingReader> RingReader::Create(const RingHandle& high, const RingHandle& low) {
  RingReader reader;
  reader.epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!reader.epoll_.valid()) return absl::ErrnoToStatus(errno, "epoll_create1");
  for (const RingHandle& handle : {high, low}) {
    HT_ASSIGN_OR_RETURN(Ring ring, Ring::Map(handle));
    reader.merge_.Add(std::move(ring), handle.fd == high.fd);
    epoll_event event = {.events = EPOLLIN, .data = {.fd = handle.fd}};
    if (epoll_ctl(reader.epoll_.get(), EPOLL_CTL_ADD, handle.fd, &event) != 0) {
      return absl::ErrnoToStatus(errno, "waiting for a ring");
    }
  }
  return reader;
}

absl::Duration RingReader::UntilDue(absl::Duration longest) const {
  return merge_.UntilDue(Clock::System().BootNs(), longest);
}

absl::StatusOr<size_t> RingReader::Poll(absl::Duration timeout, Receiver receiver) {
  const Clock& clock = Clock::System();
  const uint64_t deadline_ns = clock.BootNs() + absl::ToInt64Nanoseconds(std::clamp(
                                                    timeout, absl::ZeroDuration(), absl::Hours(1)));
  while (true) {
    const uint64_t now_ns = clock.BootNs();
    HT_ASSIGN_OR_RETURN(const size_t released, merge_.Take(now_ns, receiver));
    if (released > 0 || now_ns >= deadline_ns) return released;

    const absl::Duration wait = UntilDue(std::min(kTick, absl::Nanoseconds(deadline_ns - now_ns)));
    const int wait_ms =
        static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1))));
    epoll_event events[2];
    if (epoll_wait(epoll_fd(), events, 2, wait_ms) < 0 && errno != EINTR) {
      return absl::InternalError(absl::StrCat("epoll_wait: ", strerror(errno)));
    }
    // Only records that are held back may have come: the loop waits for the rest of the window.
  }
}

absl::Status RingReader::Drain(absl::Duration longest, Receiver receiver) {
  const Clock& clock = Clock::System();
  const uint64_t deadline_ns = clock.BootNs() + absl::ToInt64Nanoseconds(longest);
  absl::Status status;
  for (;;) {
    const uint64_t now_ns = clock.BootNs();
    const absl::StatusOr<size_t> released = merge_.Take(now_ns, receiver);
    status = released.status();
    if (!status.ok() || !merge_.unfinished() || now_ns >= deadline_ns) break;
    if (*released == 0) absl::SleepFor(absl::Milliseconds(1));
  }
  // After an error, too: the records that were taken before it are passed on.
  merge_.Release(receiver);
  return status;
}

}  // namespace hoptrail::agent::kernel
