#ifndef HOPTRAIL_AGENT_KERNEL_WATCH_CHANGE_STAMPS_H_
#define HOPTRAIL_AGENT_KERNEL_WATCH_CHANGE_STAMPS_H_

#include <cstdint>
#include <map>
#include <string>

#include "core/base/clock.h"
#include <sys/stat.h>

namespace hoptrail::agent::kernel {

class DirectoryWalk;

// On what the outcome of a walk hangs: where its paths led, and when the directories that it read
// were changed. As long as that is the same, the same walk again would find the same, unless
// something was mounted over a file in one of those directories. One thread.
class ChangeStamps {
 public:
  explicit ChangeStamps(const Clock* clock = &Clock::System()) : clock_(clock) {}

  // Told by the walk. `fd` is invalid where there was nothing.
  void Opened(const std::string& path, int fd);
  void Read(const std::string& directory, int fd);

  void Clear();
  // Also false where a directory was changed so shortly before it was read that a change after it
  // may bear the same time.
  bool Hold(const DirectoryWalk& walk) const;

 private:
  // Zeros: there was nothing.
  struct Sign {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t changed_ns = 0;  // 0 where no names were read
    friend bool operator==(const Sign&, const Sign&) = default;
  };
  static Sign Of(const struct stat& file, bool read);
  static Sign Of(int fd, bool read);

  const Clock* clock_;
  std::map<std::string, Sign> signs_;
  bool settled_ = false;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_WATCH_CHANGE_STAMPS_H_
