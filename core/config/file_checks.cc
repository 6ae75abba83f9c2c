#include "core/config/file_checks.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "absl/strings/str_cat.h"

#include <sys/stat.h>

namespace hoptrail::config {
namespace {

absl::Status CheckAccess(const std::string& path, int mode) {
  if (::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, path);
}

std::string Parent(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace

absl::Status CheckWritableDirectory(const std::string& path) {
  std::string at = std::filesystem::path(path).lexically_normal().string();
  while (at.size() > 1 && at.back() == '/') at.pop_back();
  const std::string wanted = at;
  struct stat info {};
  while (::stat(at.c_str(), &info) != 0) {
    if (errno != ENOENT || at == "/" || at == ".") return absl::ErrnoToStatus(errno, at);
    at = Parent(at);  // the nearest that exists
  }
  if (!S_ISDIR(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(at, ": is no directory"));
  }
  absl::Status status = CheckAccess(at, W_OK | X_OK);
  if (status.ok()) return status;
  return absl::Status(
      status.code(),
      absl::StrCat(status.message(), at == wanted
                                         ? ": it must be writable"
                                         : absl::StrCat(": ", wanted, " cannot be created there")));
}

absl::Status CheckWritableFile(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    if (errno != ENOENT) return absl::ErrnoToStatus(errno, path);
    return CheckWritableDirectory(Parent(path));
  }
  if (S_ISDIR(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": is a directory"));
  }
  return CheckAccess(path, W_OK);
}

bool IsOpenToOthers(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && (info.st_mode & 07) != 0;
}

}  // namespace hoptrail::config
