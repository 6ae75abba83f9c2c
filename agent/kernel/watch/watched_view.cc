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

// How deep in a watched folder the search goes: /etc/systemd/system/x.wants, a secret's folders.
constexpr int kDepth = 3;

bool IsFolder(int fd) {
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
  const UniqueFd folder = walk.folders.OpenName(path.substr(0, slash));
  if (!folder.valid() || !IsFolder(folder.get())) return;
  const FileKey name = walk.name_of(folder.get());
  files_[name] |= HT_WATCH_NAMES;
  names_[{name, path.substr(slash + 1, HT_WATCHED_NAME_BYTES - 1)}] |= flags;
}

void WatchedView::WatchFolders(const Walk& walk, const std::string& folder, uint32_t flags,
                               int depth) {
  for (const FolderWalk::Entry& entry : walk.folders.EntriesIn(folder)) {
    const std::string path = absl::StrCat(folder, "/", entry.name);
    const UniqueFd fd = walk.folders.OpenEntry(path, entry);
    if (!fd.valid()) continue;
    if (!IsFolder(fd.get())) {
      // What its folder does not cover: a symbolic link to a file elsewhere.
      files_[walk.name_of(fd.get())] |= flags;
    } else if (files_.size() < HT_WATCHED_FILES && depth > 0) {
      files_[walk.name_of(fd.get())] |= flags;
      WatchFolders(walk, path, flags, depth - 1);
    }
  }
}

void WatchedView::SearchPattern(const Walk& walk, absl::string_view pattern, uint32_t flags) {
  for (const std::string& path : walk.folders.Match(pattern)) {
    WatchName(walk, path, flags);
    const UniqueFd fd = walk.folders.OpenName(path);
    if (!fd.valid()) continue;
    files_[walk.name_of(fd.get())] |= flags;
    struct stat file;
    if (fstat(fd.get(), &file) == 0 && S_ISDIR(file.st_mode) &&
        searched_.insert({file.st_dev, file.st_ino, flags}).second) {
      WatchFolders(walk, path, flags, kDepth);
    }
  }
}

bool WatchedView::Search(const ProcessViews::View& view, const WatchOptions& options, bool anew,
                         Namer name_of) {
  FolderWalk folders(view.root.empty() ? "/" : view.root);
  if (!folders.valid()) return false;
  const size_t mounts = HashOfMounts(view.process);
  const bool same = mounts == mounts_ && signs_.Hold(folders);
  if (same && !anew) return false;
  mounts_ = mounts;
  signs_.Clear();
  searched_.clear();
  folders.TellTo(&signs_);
  const auto files = std::exchange(files_, {});
  const auto names = std::exchange(names_, {});
  const Walk walk = {folders, name_of};
  for (const std::string& pattern : options.reads) SearchPattern(walk, pattern, HT_WATCH_READS);
  for (const std::string& pattern : options.writes) SearchPattern(walk, pattern, HT_WATCH_WRITES);
  return !same || files_ != files || names_ != names;
}

}  // namespace hoptrail::agent::kernel
