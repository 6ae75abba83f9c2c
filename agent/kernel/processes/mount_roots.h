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

// A file system as a process sees it: mount namespace, then device and inode of the root directory.
using RootName = std::tuple<ino_t, dev_t, ino_t>;

// What the process of that directory (/proc/PID) sees; nothing where it is gone.
RootName NameRoot(const std::string& process);

// The file systems that running processes see. Each look takes the processes that ProcessWalk
// names; in between only one of each view's is looked at, to know that there still is someone in
// it. One thread.
class MountRoots {
 public:
  struct View {
    RootName name;
    std::string process;  // the directory of one that sees it, "/proc/PID"
    std::string root;     // to be put before an absolute path: "/proc/PID/root"; our own: ""
  };
  struct Process {
    uint32_t pid = 0;
    RootName root;
  };

  MountRoots();

  void Look();

  // Our own first. Of the last look, as is what follows.
  const std::vector<View>& views() const { return views_; }
  bool Has(const RootName& view) const { return view == own_ || members_.count(view) != 0; }
  // The processes that were looked at, each once or oftener.
  const std::vector<Process>& looked_at() const { return looked_at_; }

 private:
  // Processes that were seen in a view; some of them may have left it.
  struct Members {
    uint32_t speaker = 0;  // known to be in it
    absl::flat_hash_set<uint32_t> pids;
    size_t tidy_at = 16;
  };

  void Add(const Process& process);
  static bool Tidy(const RootName& view, bool all, Members* members);

  ProcessWalk walk_;
  const RootName own_;
  std::map<RootName, Members> members_;  // but for our own
  std::vector<View> views_;
  std::vector<Process> looked_at_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PROCESSES_MOUNT_ROOTS_H_
