#include "agent/app/run_marker.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/unique_fd.h"

namespace hoptrail::agent::app {

absl::StatusOr<bool> RunMarker::Begin() const {
  const UniqueFd file(
      ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!file.valid()) return absl::ErrnoToStatus(errno, path_);
  char before[64];
  const ssize_t length = ::pread(file.get(), before, sizeof(before), 0);
  const bool same = length > 0 && std::string(before, static_cast<size_t>(length)) == boot_;
  if (same) return true;
  if (::ftruncate(file.get(), 0) != 0 ||
      ::pwrite(file.get(), boot_.data(), boot_.size(), 0) != static_cast<ssize_t>(boot_.size())) {
    return absl::ErrnoToStatus(errno, path_);
  }
  return false;
}

void RunMarker::End() const { ::unlink(path_.c_str()); }

}  // namespace hoptrail::agent::app
