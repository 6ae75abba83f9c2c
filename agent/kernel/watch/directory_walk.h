#ifndef HOPTRAIL_AGENT_KERNEL_WATCH_DIRECTORY_WALK_H_
#define HOPTRAIL_AGENT_KERNEL_WATCH_DIRECTORY_WALK_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "core/base/unique_fd.h"
#include <sys/stat.h>

namespace hoptrail::agent::kernel {

class ChangeStamps;

// Reads one mount root, perhaps a container's, and trusts nothing in it. Every path is resolved
// below that root, so that no symbolic link leads out of it. Only directories are opened for
// reading; all else is opened with O_PATH. One thread.
class DirectoryWalk {
 public:
  struct Entry {
    std::string name;
    bool regular = false;  // the directory says that it is a regular file
  };

  // `root`: "/" or "/proc/PID/root".
  explicit DirectoryWalk(const std::string& root);

  bool valid() const { return root_.valid(); }

  // From now on records in `stamps` what it opens and lists. `stamps` must outlive this.
  void RecordTo(ChangeStamps* stamps) { stamps_ = stamps; }

  // The paths below the root that match `pattern`, an absolute path whose components may be
  // patterns as in glob(7). A pattern without wildcards matches itself, whether the path exists or
  // not. At most `kMostMatches`.
  std::vector<std::string> Match(absl::string_view pattern) const;

  // Opens with O_PATH, which needs no permission on the file itself. Invalid where it does not
  // exist.
  UniqueFd OpenPath(const std::string& path) const;
  // The same for an entry of a listed directory. A regular file needs no stamp of its own: the
  // directory's stamp covers it.
  UniqueFd OpenEntry(const std::string& path, const Entry& entry) const;

  // The status of the file that OpenPath() opens; false where it does not exist. In our own root it
  // also follows the links of /proc, at a third of the cost.
  bool Stat(const std::string& path, struct stat* file) const;

  // The entries of a directory, at most `kMostEntries`; empty where it does not exist.
  std::vector<Entry> List(const std::string& directory) const;

  static constexpr size_t kMostMatches = 2048;
  static constexpr size_t kMostEntries = 8192;

 private:
  UniqueFd Open(const std::string& path, int flags) const;

  UniqueFd root_;
  bool own_ = false;  // it is our own root
  ChangeStamps* stamps_ = nullptr;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_WATCH_DIRECTORY_WALK_H_
