#ifndef HOPTRAIL_AGENT_KERNEL_WATCH_WATCHED_FILES_H_
#define HOPTRAIL_AGENT_KERNEL_WATCH_WATCHED_FILES_H_

#include <cstddef>
#include <cstdint>
#include <map>

#include "agent/kernel/plan/options.h"
#include "agent/kernel/processes/mount_roots.h"
#include "agent/kernel/watch/watched_view.h"

struct sensor_bpf;

namespace hoptrail::agent::kernel {

// Tells the kernel side which files and directories are watched, by device and inode, in every
// mount namespace. What appears in a watched directory, or under a watched name, the kernel side
// watches by itself at once; a search finds the rest: directories in watched directories, new
// containers, names that match a pattern. Only for this directory; one thread.
class WatchedFiles {
 public:
  // Never attached: run once for a descriptor, it says what the kernel calls the file behind it.
  static constexpr char kProgram[] = "ht_resolve";
  // What changes without a sign is found after so many searches at the latest.
  static constexpr size_t kAnewEvery = 24;

  WatchedFiles(sensor_bpf* skeleton, WatchOptions options);

  // Looks everywhere, after a look of `views`, and forgets what is watched no more. Returns how
  // many files, directories and names are watched.
  size_t Search(const MountRoots& views);

 private:
  using FileKey = WatchedView::FileKey;

  FileKey NameOf(int fd) const;
  size_t Tell();

  sensor_bpf* skeleton_;
  WatchOptions options_;
  std::map<RootName, WatchedView> views_;
  size_t searches_ = 0;
  size_t watched_ = 0;
  uint32_t round_ = 0;      // of telling
  int rounds_to_tell_ = 0;  // until what is gone is forgotten
  size_t left_out_ = 0;     // by the last telling, for want of room in the kernel's tables
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_WATCH_WATCHED_FILES_H_
