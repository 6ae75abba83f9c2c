#ifndef HOPTRAIL_AGENT_KERNEL_WATCH_WATCHED_VIEW_H_
#define HOPTRAIL_AGENT_KERNEL_WATCH_WATCHED_VIEW_H_

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
#include "agent/kernel/watch/directory_walk.h"
#include "agent/kernel/watch/change_stamps.h"

namespace hoptrail::agent::kernel {

// What is watched in one view. To search it takes milliseconds, so that it is searched again only
// where something has changed on which the outcome hangs. One thread.
class WatchedView {
 public:
  using FileKey = std::pair<uint32_t, uint64_t>;  // device, inode, as the kernel calls them
  // What the kernel calls the file behind a descriptor.
  using Namer = absl::FunctionRef<FileKey(int fd)>;

  // Searches if something has changed; or `anew`, for what changes without a sign, as on file
  // systems of other hosts. True where there may be another outcome than before.
  bool Search(const MountRoots::View& view, const WatchOptions& options, bool anew,
              Namer name_of);

  // To their flags.
  const std::map<FileKey, uint32_t>& files() const { return files_; }
  const std::map<std::pair<FileKey, std::string>, uint32_t>& names() const { return names_; }

 private:
  struct Walk {
    const DirectoryWalk& directories;
    Namer name_of;
  };

  void SearchPattern(const Walk& walk, absl::string_view pattern, uint32_t flags);
  void WatchDirectories(const Walk& walk, const std::string& directory, uint32_t flags, int depth);
  void WatchName(const Walk& walk, const std::string& path, uint32_t flags);

  ChangeStamps signs_;
  size_t mounts_ = 0;  // a hash of the view's mounts
  // Device, inode, flags: one directory may have several paths.
  std::set<std::tuple<uint64_t, uint64_t, uint32_t>> searched_;
  std::map<FileKey, uint32_t> files_;
  std::map<std::pair<FileKey, std::string>, uint32_t> names_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_WATCH_WATCHED_VIEW_H_
