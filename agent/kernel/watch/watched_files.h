#ifndef HOPTRAIL_AGENT_KERNEL_WATCH_WATCHED_FILES_H_
#define HOPTRAIL_AGENT_KERNEL_WATCH_WATCHED_FILES_H_

#include <cstddef>
#include <cstdint>
#include <map>

#include "agent/kernel/plan/options.h"
#include "agent/kernel/processes/mount_roots.h"
#include "agent/kernel/watch/watched_root.h"

struct sensor_bpf;

namespace hoptrail::agent::kernel {

// Fills the kernel side's tables of watched files and directories, which have device and inode as
// key, for every mount root. The kernel side itself adds a file at once that appears in a watched
// directory or under a watched name. A search finds the rest: directories in watched directories,
// new containers, names that match a pattern. Only for this directory; one thread.
class WatchedFiles {
 public:
  // A program that is never attached. Run for a descriptor, it returns the kernel's own device and
  // inode numbers of the file behind it.
  static constexpr char kProgram[] = "ht_resolve";
  // A change that alters no change stamp is found after this many searches at the latest.
  static constexpr size_t kCompleteEvery = 24;

  WatchedFiles(sensor_bpf* skeleton, WatchOptions options);

  // Searches all roots, which the caller has just updated, and removes what is no longer watched.
  // Returns how many files, directories and names are watched.
  size_t Search(const MountRoots& mount_roots);

 private:
  FileKey KeyOf(int fd) const;
  size_t UpdateTables();

  sensor_bpf* skeleton_;
  WatchOptions options_;
  std::map<RootKey, WatchedRoot> roots_;
  size_t searches_ = 0;
  size_t watched_ = 0;
  uint32_t round_ = 0;    // of table updates
  int updates_left_ = 0;  // until entries that are gone have been removed
  size_t left_out_ = 0;   // entries for which the tables had no room in the last update
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_WATCH_WATCHED_FILES_H_
