#ifndef HOPTRAIL_AGENT_KERNEL_WATCH_CHANGE_STAMPS_H_
#define HOPTRAIL_AGENT_KERNEL_WATCH_CHANGE_STAMPS_H_

#include <cstdint>
#include <map>
#include <string>

#include "core/base/clock.h"
#include <sys/stat.h>

namespace hoptrail::agent::kernel {

class DirectoryWalk;

// Remembers what the result of a walk depends on: the file behind each path that it opened, and the
// change time of each directory that it listed. While these stay the same, the same walk has the
// same result, unless something was mounted over a file in one of these directories. One thread.
class ChangeStamps {
 public:
  explicit ChangeStamps(const Clock* clock = &Clock::System()) : clock_(clock) {}

  // DirectoryWalk calls these. `fd` is invalid where the path does not exist.
  void AddOpened(const std::string& path, int fd);
  void AddListed(const std::string& directory, int fd);

  void Clear();
  // Whether the stamps are still the same. Also false where a directory was changed so shortly
  // before it was listed that a later change may have the same change time.
  bool Hold(const DirectoryWalk& walk) const;

 private:
  // Zeros: the path did not exist.
  struct Stamp {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t changed_ns = 0;  // 0 where it was not listed
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  static Stamp Of(const struct stat& file, bool listed);
  static Stamp Of(int fd, bool listed);

  const Clock* clock_;
  std::map<std::string, Stamp> stamps_;  // by path
  bool settled_ = false;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_WATCH_CHANGE_STAMPS_H_
