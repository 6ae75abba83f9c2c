#include "agent/kernel/watch/watched_root.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "bpf/abi/events.h"

#include <sys/stat.h>

namespace hoptrail::agent::kernel {
namespace {

// How many levels below a watched directory are searched: enough for /etc/systemd/system/x.wants
// and for the directories of a mounted Kubernetes secret.
constexpr int kDepth = 3;

bool IsDirectory(int fd) {
  struct stat file;
  return fstat(fd, &file) == 0 && S_ISDIR(file.st_mode);
}

size_t HashOfMounts(const std::string& process) {
  const UniqueFd file(open(absl::StrCat(process, "/mountinfo").c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char buffer[4096];
  for (ssize_t size; (size = read(file.get(), buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, size);
  }
  return absl::HashOf(text);
}

}  // namespace

// Watching the name makes the kernel side watch a file at once that is created later or anew.
void WatchedRoot::WatchName(const Walk& walk, const std::string& path, uint32_t flags) {
  const size_t slash = path.rfind('/');
  const UniqueFd directory = walk.directories.OpenPath(path.substr(0, slash));
  if (!directory.valid() || !IsDirectory(directory.get())) return;
  const FileKey key = walk.key_of(directory.get());
  files_[key] |= HT_WATCH_NAMES;
  names_[{key, path.substr(slash + 1, HT_WATCHED_NAME_BYTES - 1)}] |= flags;
}

void WatchedRoot::WatchDirectories(const Walk& walk, const std::string& directory, uint32_t flags,
                                   int depth) {
  for (const DirectoryWalk::Entry& entry : walk.directories.List(directory)) {
    const std::string path = absl::StrCat(directory, "/", entry.name);
    const UniqueFd fd = walk.directories.OpenEntry(path, entry);
    if (!fd.valid()) continue;
    if (!IsDirectory(fd.get())) {
      // Watching the directory does not cover a symbolic link to a file elsewhere.
      files_[walk.key_of(fd.get())] |= flags;
    } else if (files_.size() < HT_WATCHED_FILES && depth > 0) {
      files_[walk.key_of(fd.get())] |= flags;
      WatchDirectories(walk, path, flags, depth - 1);
    }
  }
}

void WatchedRoot::SearchPattern(const Walk& walk, absl::string_view pattern, uint32_t flags) {
  for (const std::string& path : walk.directories.Match(pattern)) {
    WatchName(walk, path, flags);
    const UniqueFd fd = walk.directories.OpenPath(path);
    if (!fd.valid()) continue;
    files_[walk.key_of(fd.get())] |= flags;
    struct stat file;
    if (fstat(fd.get(), &file) == 0 && S_ISDIR(file.st_mode) &&
        searched_.insert({file.st_dev, file.st_ino, flags}).second) {
      WatchDirectories(walk, path, flags, kDepth);
    }
  }
}

bool WatchedRoot::Search(const MountRoots::Root& root, const WatchOptions& options, bool complete,
                         KeyResolver key_of) {
  DirectoryWalk directories(root.path.empty() ? "/" : root.path);
  if (!directories.valid()) return false;
  const size_t mounts = HashOfMounts(root.process);
  const bool same = mounts == mounts_ && stamps_.Hold(directories);
  if (same && !complete) return false;
  mounts_ = mounts;
  stamps_.Clear();
  searched_.clear();
  directories.RecordTo(&stamps_);
  const auto files = std::exchange(files_, {});
  const auto names = std::exchange(names_, {});
  const Walk walk = {directories, key_of};
  for (const std::string& pattern : options.reads) SearchPattern(walk, pattern, HT_WATCH_READS);
  for (const std::string& pattern : options.writes) SearchPattern(walk, pattern, HT_WATCH_WRITES);
  return !same || files_ != files || names_ != names;
}

}  // namespace hoptrail::agent::kernel
