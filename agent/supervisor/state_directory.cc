#include "agent/supervisor/state_directory.h"

#include <fcntl.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "core/base/log.h"
#include "core/base/steady_time.h"
#include <sys/file.h>
#include <sys/stat.h>

namespace hoptrail::agent::supervisor {
namespace {

constexpr absl::Duration kLookAgain = absl::Milliseconds(20);

// Errors of a file system that is full, damaged or read-only, which may be different tomorrow.
bool MayPass(int error) {
  return error == ENOSPC || error == EDQUOT || error == EROFS || error == EIO || error == EACCES ||
         error == EPERM;
}

// Opens a file to lock, or the directory. Invalid, with errno set, where neither can be opened.
UniqueFd OpenToLock(const std::string& path, const std::string& lock_path) {
  UniqueFd file(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.valid() || !MayPass(errno)) return file;
  const int error = errno;
  file.reset(::open(lock_path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) file.reset(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  errno = error;
  return file;
}

}  // namespace

absl::StatusOr<UniqueFd> LockStateDirectory(const std::string& path, absl::Duration wait) {
  const std::filesystem::path directory(path);
  std::error_code ignored;  // mkdir() below fails then
  if (directory.has_parent_path()) {
    std::filesystem::create_directories(directory.parent_path(), ignored);
  }
  const auto go_on_without = [](const absl::Status& why) {
    LogWarning("agent", why.message(), ": the agent runs without a lock against a second agent");
    return UniqueFd();
  };
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    const absl::Status status = absl::ErrnoToStatus(errno, absl::StrCat("state_directory ", path));
    if (!MayPass(errno)) return status;
    return go_on_without(status);
  }
  const std::string lock_path = path + "/lock";
  UniqueFd lock = OpenToLock(path, lock_path);
  if (!lock.valid() && MayPass(errno)) return go_on_without(absl::ErrnoToStatus(errno, lock_path));
  if (!lock.valid()) return absl::ErrnoToStatus(errno, lock_path);
  const SteadyTime deadline = SteadyTime::Now() + wait;
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return absl::ErrnoToStatus(errno, lock_path);
    if (SteadyTime::Now() >= deadline) {
      return absl::FailedPreconditionError(
          absl::StrCat("state_directory ", path, ": another agent uses it"));
    }
    absl::SleepFor(kLookAgain);
  }
  return lock;
}

}  // namespace hoptrail::agent::supervisor
