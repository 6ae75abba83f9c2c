#include "agent/app/state_directory.h"

#include <fcntl.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "core/base/steady_time.h"
#include <sys/file.h>
#include <sys/stat.h>

namespace hoptrail::agent::app {
namespace {

constexpr absl::Duration kLookAgain = absl::Milliseconds(20);

}  // namespace

absl::StatusOr<UniqueFd> LockStateDirectory(const std::string& path, absl::Duration wait) {
  const std::filesystem::path folder(path);
  std::error_code ignored;  // mkdir() below tells
  if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), ignored);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return absl::ErrnoToStatus(errno, absl::StrCat("state_directory ", path));
  }
  const std::string lock_path = path + "/lock";
  UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
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

}  // namespace hoptrail::agent::app
