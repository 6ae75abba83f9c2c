#ifndef HOPTRAIL_AGENT_KERNEL_PROCESSES_MOUNT_ROOTS_H_
#define HOPTRAIL_AGENT_KERNEL_PROCESSES_MOUNT_ROOTS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"

#include "agent/kernel/processes/process_walk.h"
#include <sys/types.h>

namespace hoptrail::agent::kernel {

// A file system tree as a process sees it: inode of the mount namespace, then device and inode of
// the root directory.
using RootKey = std::tuple<ino_t, dev_t, ino_t>;

// The root that a process sees; `process` is its directory, "/proc/PID". Zeros where it has ended.
RootKey RootKeyOf(const std::string& process);

// The roots of all running processes. An update examines the processes that ProcessWalk returns,
// and one process of every other root to check that the root is still in use. One thread.
class MountRoots {
 public:
  struct Root {
    RootKey key;
    std::string process;  // the directory of a process that sees it, "/proc/PID"
    std::string path;     // prefix for absolute paths in it, "/proc/PID/root"; of our own: ""
  };
  struct Process {
    uint32_t pid = 0;
    RootKey root;
  };

  MountRoots();

  void Update();

  // The following are as of the last update.

  // Our own root first.
  const std::vector<Root>& roots() const { return roots_; }
  bool Has(const RootKey& root) const { return root == own_ || members_.count(root) != 0; }
  // The processes that were examined. One may be in it twice.
  const std::vector<Process>& examined() const { return examined_; }

 private:
  // Processes that were seen in a root; some of them may have left it.
  struct Members {
    uint32_t representative = 0;  // was in the root when it was examined last
    absl::flat_hash_set<uint32_t> pids;
    size_t prune_at = 16;  // number of pids
  };

  void Add(const Process& process);
  static bool Prune(const RootKey& root, bool all, Members* members);

  ProcessWalk walk_;
  const RootKey own_;
  std::map<RootKey, Members> members_;  // without our own
  std::vector<Root> roots_;
  std::vector<Process> examined_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PROCESSES_MOUNT_ROOTS_H_
