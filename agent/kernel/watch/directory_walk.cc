#include "agent/kernel/watch/directory_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "agent/kernel/watch/change_stamps.h"
#include <linux/openat2.h>
#include <sys/syscall.h>

namespace hoptrail::agent::kernel {

DirectoryWalk::DirectoryWalk(const std::string& root)
    : root_(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)), own_(root == "/") {}

UniqueFd DirectoryWalk::Open(const std::string& path, int flags) const {
  open_how how = {};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const char* name = path.empty() ? "/" : path.c_str();
  while (true) {
    const long fd = syscall(SYS_openat2, root_.get(), name, &how, sizeof(how));
    // EAGAIN: a directory of the path was renamed meanwhile.
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) return UniqueFd(static_cast<int>(fd));
  }
}

UniqueFd DirectoryWalk::OpenPath(const std::string& path) const {
  UniqueFd fd = Open(path, O_PATH);
  if (stamps_ != nullptr) stamps_->AddOpened(path, fd.get());
  return fd;
}

UniqueFd DirectoryWalk::OpenEntry(const std::string& path, const Entry& entry) const {
  return entry.regular ? Open(path, O_PATH) : OpenPath(path);
}

bool DirectoryWalk::Stat(const std::string& path, struct stat* file) const {
  if (own_) return stat(path.empty() ? "/" : path.c_str(), file) == 0;
  const UniqueFd fd = Open(path, O_PATH);
  return fd.valid() && fstat(fd.get(), file) == 0;
}

std::vector<DirectoryWalk::Entry> DirectoryWalk::List(const std::string& directory) const {
  std::vector<Entry> entries;
  UniqueFd fd = Open(directory, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
  // Before the entries are read, so that a change meanwhile counts as one.
  if (stamps_ != nullptr) stamps_->AddListed(directory, fd.get());
  if (!fd.valid()) return entries;
  DIR* stream = fdopendir(fd.get());
  if (stream == nullptr) return entries;
  (void)fd.release();
  while (const dirent* entry = readdir(stream)) {
    const absl::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    entries.push_back({std::string(name), entry->d_type == DT_REG});
    if (entries.size() == kMostEntries) break;
  }
  closedir(stream);
  return entries;
}

std::vector<std::string> DirectoryWalk::Match(absl::string_view pattern) const {
  std::vector<std::string> found = {""};
  for (absl::string_view component : absl::StrSplit(pattern, '/', absl::SkipEmpty())) {
    const std::string wanted(component);
    const bool literal = wanted.find_first_of("*?[") == std::string::npos;
    std::vector<std::string> longer;
    for (const std::string& directory : found) {
      if (literal) {
        longer.push_back(absl::StrCat(directory, "/", wanted));
        continue;
      }
      for (const Entry& entry : List(directory)) {
        if (longer.size() == kMostMatches) break;
        if (fnmatch(wanted.c_str(), entry.name.c_str(), FNM_PERIOD) != 0) continue;
        longer.push_back(absl::StrCat(directory, "/", entry.name));
      }
    }
    found = std::move(longer);
  }
  return found;
}

}  // namespace hoptrail::agent::kernel
