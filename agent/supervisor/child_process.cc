#include "agent/supervisor/child_process.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/base/status_macros.h"
#include <sys/wait.h>

namespace hoptrail::agent::supervisor {
namespace {

constexpr int kDidNotEnd = 1;  // exit status of a child whose `run` has returned

}  // namespace

ChildProcess::~ChildProcess() {
  if (pid_ == 0) return;
  Kill();
  ::waitpid(pid_, nullptr, 0);
}

absl::Status ChildProcess::Start(absl::FunctionRef<void(privilege::Channel)> run) {
  HT_ASSIGN_OR_RETURN(auto ends, privilege::Channel::Pair());
  const pid_t pid = ::fork();
  if (pid < 0) return absl::ErrnoToStatus(errno, "fork");
  if (pid == 0) {
    ends.first = privilege::Channel(UniqueFd());
    run(std::move(ends.second));
    ::_exit(kDidNotEnd);
  }
  pid_ = pid;
  channel_ = std::move(ends.first);
  return absl::OkStatus();
}

void ChildProcess::Kill() const {
  if (pid_ != 0) ::kill(pid_, SIGKILL);
}

void ChildProcess::OnEnd() {
  pid_ = 0;
  CloseChannel();
}

}  // namespace hoptrail::agent::supervisor
