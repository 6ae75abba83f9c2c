#include "agent/privilege/confine.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

#include "agent/privilege/capabilities.h"
#include "agent/privilege/system_calls.h"
#include "core/base/status_macros.h"
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

namespace hoptrail::agent::privilege {
namespace {

absl::Status CloseRange(unsigned first, unsigned last) {
  if (first > last) return absl::OkStatus();
  if (::syscall(SYS_close_range, first, last, 0) == 0) return absl::OkStatus();
  if (errno != ENOSYS) return absl::ErrnoToStatus(errno, "close_range");
  const long most = ::sysconf(_SC_OPEN_MAX);
  for (unsigned fd = first; fd <= last && fd < static_cast<unsigned>(most); ++fd) {
    ::close(static_cast<int>(fd));
  }
  return absl::OkStatus();
}

constexpr time_t kLastSeconds = 5;

// A signal handler.
void StartLastSeconds(int) {
  const itimerval last{.it_interval = {}, .it_value = {.tv_sec = kLastSeconds, .tv_usec = 0}};
  ::setitimer(ITIMER_REAL, &last, nullptr);
}

absl::Status SignalOnEndOf(pid_t parent, int number) {
  if (::prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0) {
    return absl::ErrnoToStatus(errno, "PR_SET_PDEATHSIG");
  }
  if (::getppid() != parent) return absl::AbortedError("the parent process has already ended");
  return absl::OkStatus();
}

absl::Status Keep(std::initializer_list<Capability> kept, MissingRestrictions* missing) {
  const absl::Status status = KeepCapabilities(kept);
  if (!absl::IsFailedPrecondition(status)) return status;
  // Under no_new_privs the bounding set grants nothing, so this is no reason to fail.
  missing->push_back(std::string(status.message()));
  return absl::OkStatus();
}

// No core dump, and no tracing by processes of the same user.
absl::Status KeepMemoryPrivate() {
  const rlimit none = {0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) return absl::ErrnoToStatus(errno, "RLIMIT_CORE");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return absl::ErrnoToStatus(errno, "PR_SET_DUMPABLE");
  }
  return absl::OkStatus();
}

// The address sanitizer would trace the worker at its end, to search for leaks. The sensor reports
// that, as it must.
[[maybe_unused]] bool traced_by_nobody = false;

absl::Status Begin() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return absl::ErrnoToStatus(errno, "PR_SET_NO_NEW_PRIVS");
  }
  return KeepMemoryPrivate();
}

}  // namespace

absl::Status CloseAllBut(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned next = STDERR_FILENO + 1;
  for (const int fd : kept) {
    if (fd < static_cast<int>(next)) continue;
    HT_RETURN_IF_ERROR(CloseRange(next, static_cast<unsigned>(fd) - 1));
    next = static_cast<unsigned>(fd) + 1;
  }
  return CloseRange(next, ~0u);
}

absl::Status DieWith(pid_t parent) { return SignalOnEndOf(parent, SIGKILL); }

absl::Status EndSoonAfter(pid_t parent) {
  struct sigaction action {};
  action.sa_handler = StartLastSeconds;
  action.sa_flags = SA_RESTART;
  if (::sigaction(SIGUSR1, &action, nullptr) != 0) return absl::ErrnoToStatus(errno, "sigaction");
  return SignalOnEndOf(parent, SIGUSR1);
}

absl::Status ConfineSupervisor(MissingRestrictions* missing) {
  HT_RETURN_IF_ERROR(Begin());
  HT_RETURN_IF_ERROR(Keep({}, missing));
  return RestrictSystemCalls(Role::kSupervisor);
}

absl::Status ConfineLoader(bool needs_sys_admin, MissingRestrictions* missing) {
  HT_RETURN_IF_ERROR(Begin());
  if (needs_sys_admin) {
    HT_RETURN_IF_ERROR(
        Keep({kCapBpf, kCapPerfmon, kCapSysPtrace, kCapDacReadSearch, kCapSysAdmin}, missing));
  } else {
    HT_RETURN_IF_ERROR(Keep({kCapBpf, kCapPerfmon, kCapSysPtrace, kCapDacReadSearch}, missing));
  }
  return RestrictSystemCalls(Role::kLoader);
}

absl::Status ConfineWorker(const PathGrants& grants, MissingRestrictions* missing) {
  HT_RETURN_IF_ERROR(Begin());
  traced_by_nobody = true;
  HT_RETURN_IF_ERROR(Keep({}, missing));
  const absl::StatusOr<int> landlock = RestrictPaths(grants);
  if (absl::IsUnimplemented(landlock.status())) {
    missing->push_back(std::string(landlock.status().message()));
  } else if (!landlock.ok()) {
    return landlock.status();
  }
  return RestrictSystemCalls(Role::kWorker);
}

#ifdef __SANITIZE_ADDRESS__
// The address sanitizer asks before it searches for leaks.
extern "C" int __lsan_is_turned_off();
int __lsan_is_turned_off() { return traced_by_nobody ? 1 : 0; }
#endif

std::string DescribeEnd(int status) {
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    return absl::StrCat("was killed by signal ", number, " (", strsignal(number), ")");
  }
  return absl::StrCat("exited with status ", WEXITSTATUS(status));
}

}  // namespace hoptrail::agent::privilege
