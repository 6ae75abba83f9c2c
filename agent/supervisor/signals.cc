#include "agent/supervisor/signals.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "absl/status/status.h"

#include <sys/signalfd.h>

namespace hoptrail::agent::supervisor {

absl::StatusOr<Signals> Signals::Block() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&signals, number);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGHUP, SIG_DFL);  // the kernel discards an ignored signal even where it is blocked
  UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "signalfd");
  return Signals(std::move(fd));
}

Signals::Received Signals::Read() const {
  Received received;
  signalfd_siginfo info;
  while (::read(fd_.get(), &info, sizeof(info)) == sizeof(info)) {
    if (info.ssi_signo == SIGHUP) {
      received.reload = true;
    } else if (info.ssi_signo != SIGCHLD && !received.stop.has_value()) {
      received.stop = FromSignalInfo(info, ::getppid());
    }
  }
  return received;
}

}  // namespace hoptrail::agent::supervisor
