#include "agent/kernel/watch/watched_view.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "bpf/abi/events.h"

#include <sys/stat.h>

namespace hoptrail::agent::kernel {
namespace {

// How deep in a watched directory the search goes: /etc/systemd/system/x.wants, a secret's
// directories.
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

// So that a file that is removed and made anew, or was not there at first, is watched at once.
void WatchedView::WatchName(const Walk& walk, const std::string& path, uint32_t flags) {
  const size_t slash = path.rfind('/');
  const UniqueFd directory = walk.directories.OpenName(path.substr(0, slash));
  if (!directory.valid() || !IsDirectory(directory.get())) return;
  const FileKey name = walk.name_of(directory.get());
  files_[name] |= HT_WATCH_NAMES;
  names_[{name, path.substr(slash + 1, HT_WATCHED_NAME_BYTES - 1)}] |= flags;
}

void WatchedView::WatchDirectories(const Walk& walk, const std::string& directory, uint32_t flags,
                                   int depth) {
  for (const DirectoryWalk::Entry& entry : walk.directories.EntriesIn(directory)) {
    const std::string path = absl::StrCat(directory, "/", entry.name);
    const UniqueFd fd = walk.directories.OpenEntry(path, entry);
    if (!fd.valid()) continue;
    if (!IsDirectory(fd.get())) {
      // What its directory does not cover: a symbolic link to a file elsewhere.
      files_[walk.name_of(fd.get())] |= flags;
    } else if (files_.size() < HT_WATCHED_FILES && depth > 0) {
      files_[walk.name_of(fd.get())] |= flags;
      WatchDirectories(walk, path, flags, depth - 1);
    }
  }
}

void WatchedView::SearchPattern(const Walk& walk, absl::string_view pattern, uint32_t flags) {
  for (const std::string& path : walk.directories.Match(pattern)) {
    WatchName(walk, path, flags);
    const UniqueFd fd = walk.directories.OpenName(path);
    if (!fd.valid()) continue;
    files_[walk.name_of(fd.get())] |= flags;
    struct stat file;
    if (fstat(fd.get(), &file) == 0 && S_ISDIR(file.st_mode) &&
        searched_.insert({file.st_dev, file.st_ino, flags}).second) {
      WatchDirectories(walk, path, flags, kDepth);
    }
  }
}

bool WatchedView::Search(const MountRoots::View& view, const WatchOptions& options, bool anew,
                         Namer name_of) {
  DirectoryWalk directories(view.root.empty() ? "/" : view.root);
  if (!directories.valid()) return false;
  const size_t mounts = HashOfMounts(view.process);
  const bool same = mounts == mounts_ && signs_.Hold(directories);
  if (same && !anew) return false;
  mounts_ = mounts;
  signs_.Clear();
  searched_.clear();
  directories.TellTo(&signs_);
  const auto files = std::exchange(files_, {});
  const auto names = std::exchange(names_, {});
  const Walk walk = {directories, name_of};
  for (const std::string& pattern : options.reads) SearchPattern(walk, pattern, HT_WATCH_READS);
  for (const std::string& pattern : options.writes) SearchPattern(walk, pattern, HT_WATCH_WRITES);
  return !same || files_ != files || names_ != names;
}

}  // namespace hoptrail::agent::kernel
