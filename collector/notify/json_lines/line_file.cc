#include "collector/notify/json_lines/line_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "core/base/log.h"
#include <sys/stat.h>

namespace hoptrail::collector::notify {
namespace {

int OpenTarget(const std::string& target) {
  if (target == "-") return ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  // A regular file is opened for reading, too, to look at its end. A pipe with a reader in this
  // process would never report that the other reader is gone.
  struct stat info;
  const bool other = ::stat(target.c_str(), &info) == 0 && !S_ISREG(info.st_mode);
  // O_NONBLOCK: a FIFO without a reader is an error, and one with a slow reader is tried again.
  const int access = other ? O_WRONLY | O_NONBLOCK : O_RDWR;
  return ::open(target.c_str(), access | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

off_t SizeOf(int fd) {
  struct stat info;
  return ::fstat(fd, &info) == 0 ? info.st_size : 0;
}

bool EndsWithinLine(int fd, off_t size) {
  char last = '\n';
  return size > 0 && ::pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

// Returns the number of bytes written. Where these are not all, errno says why.
size_t WriteAll(int fd, absl::string_view data) {
  size_t written = 0;
  while (written < data.size()) {
    const ssize_t n = ::write(fd, data.data() + written, data.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    written += static_cast<size_t>(n);
  }
  return written;
}

}  // namespace

absl::StatusOr<LineFile> LineFile::Open(const std::string& target) {
  UniqueFd file(OpenTarget(target));
  if (!file.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("json_output ", target));
  struct stat info;
  const bool regular = ::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode);
  return LineFile(std::move(file), regular);
}

absl::Status LineFile::Append(std::string lines) {
  if (lines.empty()) return absl::OkStatus();
  const off_t size = regular_ ? SizeOf(file_.get()) : 0;
  if (torn_ || (regular_ && EndsWithinLine(file_.get(), size))) lines.insert(0, 1, '\n');
  const size_t written = WriteAll(file_.get(), lines);
  if (written < lines.size()) {
    const int error = errno;
    // Takes back the partial line, unless the file was emptied meanwhile.
    const bool whole = regular_ && SizeOf(file_.get()) == size + static_cast<off_t>(written) &&
                       ::ftruncate(file_.get(), size) == 0;
    torn_ = !regular_ && written > 0;
    if (regular_ && !whole) LogWarning("json_output", "a part of a line may be left in the file");
    return absl::ErrnoToStatus(error, "json_output");
  }
  torn_ = false;
  if (regular_ && ::fdatasync(file_.get()) != 0) {
    return absl::ErrnoToStatus(errno, "json_output: fdatasync");
  }
  return absl::OkStatus();
}

}  // namespace hoptrail::collector::notify
