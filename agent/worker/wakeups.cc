#include "agent/worker/wakeups.h"

#include <cerrno>

#include "core/base/status_macros.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

namespace hoptrail::agent {
namespace {

absl::StatusOr<UniqueFd> Opened(int fd, const char* what) {
  if (fd < 0) return absl::ErrnoToStatus(errno, what);
  return UniqueFd(fd);
}

// Reads an eventfd or a timerfd, which both hold one number.
bool Drain(int fd) {
  uint64_t count = 0;
  return ::read(fd, &count, sizeof(count)) > 0;
}

}  // namespace

absl::StatusOr<Wakeups> Wakeups::Create() {
  Wakeups wakeups;
  HT_ASSIGN_OR_RETURN(wakeups.epoll_, Opened(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
  HT_ASSIGN_OR_RETURN(wakeups.notice_, Opened(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"));
  HT_ASSIGN_OR_RETURN(
      wakeups.timer_,
      Opened(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), "timerfd_create"));
  const itimerspec second{.it_interval = {.tv_sec = 1, .tv_nsec = 0},
                          .it_value = {.tv_sec = 1, .tv_nsec = 0}};
  if (::timerfd_settime(wakeups.timer_.get(), 0, &second, nullptr) != 0) {
    return absl::ErrnoToStatus(errno, "timerfd_settime");
  }
  for (const UniqueFd* fd : {&wakeups.notice_, &wakeups.timer_}) {
    HT_RETURN_IF_ERROR(wakeups.Add(fd->get(), EPOLLIN));
  }
  return wakeups;
}

// Edge-triggered: a reader that waits for a whole batch must not be woken by what it leaves.
absl::Status Wakeups::Watch(int fd) { return Add(fd, EPOLLIN | EPOLLET); }

absl::Status Wakeups::Add(int fd, uint32_t events) {
  epoll_event event{.events = events, .data = {.fd = fd}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, "epoll_ctl");
}

absl::Status Wakeups::WatchSupervisor(int fd) {
  supervisor_ = fd;
  return Add(fd, EPOLLIN);
}

absl::StatusOr<Wakeups::Reasons> Wakeups::Wait(absl::Duration timeout) {
  epoll_event events[8];
  const absl::Duration whole = absl::Ceil(timeout, absl::Milliseconds(1));
  const int count =
      ::epoll_wait(epoll_.get(), events, 8, static_cast<int>(absl::ToInt64Milliseconds(whole)));
  if (count < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "epoll_wait");
  Reasons reasons;
  for (int i = 0; i < count; ++i) {
    const int fd = events[i].data.fd;
    if (fd == notice_.get()) reasons.notified = Drain(fd);
    if (fd == timer_.get()) reasons.tick = Drain(fd);
    if (fd == supervisor_) reasons.supervisor = true;
  }
  return reasons;
}

void Wakeups::Notify() const {
  const uint64_t one = 1;
  // A full eventfd has a notice waiting already.
  [[maybe_unused]] const ssize_t written = ::write(notice_.get(), &one, sizeof(one));
}

}  // namespace hoptrail::agent
