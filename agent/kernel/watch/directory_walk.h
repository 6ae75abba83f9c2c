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

// One view of the file system, perhaps a container's: nothing in it is trusted. Every path is
// resolved with the view's root as its root, so that no symbolic link leads out of it, and nothing
// is opened but directories and names (O_PATH). One thread.
class DirectoryWalk {
 public:
  struct Entry {
    std::string name;
    bool plain = false;  // surely a regular file
  };

  // `root` is where the view begins: "/" or "/proc/PID/root".
  explicit DirectoryWalk(const std::string& root);

  bool valid() const { return root_.valid(); }

  // From now on tells `signs`, which outlives this, what it opens and reads.
  void TellTo(ChangeStamps* signs) { signs_ = signs; }

  // The paths of the view that match `pattern`, absolute, with components as in glob(7). One
  // without any wildcard matches whether it is there or not. At most `kMostMatches`.
  std::vector<std::string> Match(absl::string_view pattern) const;

  // Not valid where there is no such thing. Takes no access to what it names.
  UniqueFd OpenName(const std::string& path) const;
  // The same for an entry of a directory that was read, which answers for its regular files.
  UniqueFd OpenEntry(const std::string& path, const Entry& entry) const;

  // Of what OpenName() opens; false where it opens nothing. In our own view it follows links of
  // /proc as well, and costs a third.
  bool Stat(const std::string& path, struct stat* file) const;

  // What is in a directory; empty where there is none. At most `kMostNames`.
  std::vector<Entry> EntriesIn(const std::string& directory) const;
  std::vector<std::string> NamesIn(const std::string& directory) const;

  static constexpr size_t kMostMatches = 2048;
  static constexpr size_t kMostNames = 8192;

 private:
  UniqueFd Open(const std::string& path, int flags) const;

  UniqueFd root_;
  bool own_ = false;  // the view is ours
  ChangeStamps* signs_ = nullptr;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_WATCH_DIRECTORY_WALK_H_
