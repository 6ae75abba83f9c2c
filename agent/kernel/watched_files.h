#ifndef HOPTRAIL_AGENT_KERNEL_WATCHED_FILES_H_
#define HOPTRAIL_AGENT_KERNEL_WATCHED_FILES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/string_view.h"
#include "bpf/abi/events.h"

#include "agent/kernel/folder_walk.h"
#include "agent/kernel/sensor.h"

struct sensor_bpf;

namespace hoptrail::agent::kernel {

// Tells the kernel side which files and folders are watched, by device and inode, in every mount
// namespace. What appears in a watched folder, or under a watched name, the kernel side watches by
// itself at once; a search finds the rest: folders in watched folders, new containers, names that
// match a pattern. Only for this folder; one thread.
class WatchedFiles {
 public:
  // Never attached: run once for a descriptor, it says what the kernel calls the file behind it.
  static constexpr char kProgram[] = "ht_resolve";

  WatchedFiles(sensor_bpf* skeleton, WatchOptions options);

  // Looks everywhere, and forgets what is watched no more. Returns how many files, folders and
  // names are watched.
  size_t Search();

 private:
  using FileName = std::pair<uint32_t, uint64_t>;  // device, inode

  void SearchView(const FolderWalk& view, absl::string_view pattern, uint32_t flags);
  void WatchFolders(const FolderWalk& view, const std::string& folder, uint32_t flags, int depth);
  void WatchName(const FolderWalk& view, const std::string& path, uint32_t flags);
  FileName NameOf(int fd) const;
  void Tell();

  sensor_bpf* skeleton_;
  WatchOptions options_;
  uint32_t round_ = 0;
  // What the search in progress has found.
  std::map<FileName, uint32_t> files_;
  std::map<std::pair<FileName, std::string>, uint32_t> names_;
  size_t left_out_ = 0;  // by the last search, for want of room in the kernel's tables
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_WATCHED_FILES_H_
