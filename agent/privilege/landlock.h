#ifndef HOPTRAIL_AGENT_PRIVILEGE_LANDLOCK_H_
#define HOPTRAIL_AGENT_PRIVILEGE_LANDLOCK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace hoptrail::agent::privilege {

// The paths that a process may still use. A directory stands for everything below it. Paths that do
// not exist are ignored.
struct PathGrants {
  std::vector<std::string> read;
  std::vector<std::string> write;  // read, write, create, remove
};

// Restricts the calling thread and its children to these paths, by landlock(7), permanently. They
// cannot execute any file, bind a TCP port of their choice, or signal and trace processes outside,
// as far as the kernel's version of Landlock supports that. Returns that version. UNIMPLEMENTED
// where the kernel has no Landlock. `no_new_privs` must be set.
absl::StatusOr<int> RestrictPaths(const PathGrants& grants);

}  // namespace hoptrail::agent::privilege

#endif  // HOPTRAIL_AGENT_PRIVILEGE_LANDLOCK_H_
