#ifndef HOPTRAIL_AGENT_KERNEL_WATCH_WATCHED_ROOT_H_
#define HOPTRAIL_AGENT_KERNEL_WATCH_WATCHED_ROOT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

#include "agent/kernel/plan/options.h"
#include "agent/kernel/processes/mount_roots.h"
#include "agent/kernel/watch/change_stamps.h"
#include "agent/kernel/watch/directory_walk.h"
#include "core/base/file_key.h"

namespace hoptrail::agent::kernel {

// The watched files, directories and names of one mount root. A search takes milliseconds, so it
// runs only where its change stamps no longer hold. One thread.
class WatchedRoot {
 public:
  // Returns the kernel's own device and inode numbers of an open file.
  using KeyResolver = absl::FunctionRef<FileKey(int fd)>;

  // Searches if a change stamp has changed, or if `complete`. A network file system may change
  // without a change stamp. Returns whether the result may differ from the last one.
  bool Search(const MountRoots::Root& root, const WatchOptions& options, bool complete,
              KeyResolver key_of);

  // Flags (HT_WATCH_*) by file, and by directory and name.
  const std::map<FileKey, uint32_t>& files() const { return files_; }
  const std::map<std::pair<FileKey, std::string>, uint32_t>& names() const { return names_; }

 private:
  struct Walk {
    const DirectoryWalk& directories;
    KeyResolver key_of;
  };

  void SearchPattern(const Walk& walk, absl::string_view pattern, uint32_t flags);
  void WatchDirectories(const Walk& walk, const std::string& directory, uint32_t flags, int depth);
  void WatchName(const Walk& walk, const std::string& path, uint32_t flags);

  ChangeStamps stamps_;
  size_t mounts_ = 0;  // a hash of the root's mounts
  // Device, inode and flags of searched directories: one directory may have several paths.
  std::set<std::tuple<uint64_t, uint64_t, uint32_t>> searched_;
  std::map<FileKey, uint32_t> files_;
  std::map<std::pair<FileKey, std::string>, uint32_t> names_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_WATCH_WATCHED_ROOT_H_
