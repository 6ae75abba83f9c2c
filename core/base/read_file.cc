#include "core/base/read_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "core/base/unique_fd.h"

namespace hoptrail {

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t most) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, path);
  std::string text;
  char chunk[16384];
  for (;;) {
    const ssize_t count = ::read(fd.get(), chunk, sizeof(chunk));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, path);
    if (count == 0) return text;
    text.append(chunk, static_cast<size_t>(count));
    if (text.size() > most) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": larger than ", most, " bytes"));
    }
  }
}

}  // namespace hoptrail
