#include "agent/worker/run_marker.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/status_macros.h"
#include "core/base/unique_fd.h"

namespace hoptrail::agent {

absl::Status RunMarker::Write(int file, absl::string_view text) const {
  const auto length = ::pwrite(file, text.data(), text.size(), 0);
  if (length == static_cast<ssize_t>(text.size())) return absl::OkStatus();
  return absl::ErrnoToStatus(length < 0 ? errno : ENOSPC, path_);
}

absl::StatusOr<model::PreviousEnd> RunMarker::Begin() const {
  const UniqueFd file(
      ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!file.valid()) return absl::ErrnoToStatus(errno, path_);
  std::string before(boot_.size(), '\0');
  const ssize_t length = ::pread(file.get(), before.data(), before.size(), 0);
  const bool whole = length == static_cast<ssize_t>(before.size());
  if (whole && before == boot_) return model::PreviousEnd::kCutShort;
  HT_RETURN_IF_ERROR(Write(file.get(), boot_));
  return whole && before == Ended() ? model::PreviousEnd::kAsked : model::PreviousEnd::kNoTrace;
}

void RunMarker::End() const {
  const UniqueFd file(::open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.valid()) Write(file.get(), Ended()).IgnoreError();
}

}  // namespace hoptrail::agent
