#ifndef HOPTRAIL_AGENT_PRIVILEGE_LANDLOCK_H_
#define HOPTRAIL_AGENT_PRIVILEGE_LANDLOCK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace hoptrail::agent::privilege {

// Paths that a process may still use; a directory stands for everything below it. What is not there
// is left out.
struct PathGrants {
  std::vector<std::string> read;
  std::vector<std::string> write;  // read, write, create, remove
};

// Binds the calling thread and what it starts to these paths, by landlock(7), for good. Nothing may
// be executed; no TCP port of its own choice may be bound, no process outside be signalled or
// traced, as far as the kernel's version of Landlock goes, which is returned. UNIMPLEMENTED where
// it has none. `no_new_privs` must be set.
absl::StatusOr<int> RestrictPaths(const PathGrants& grants);

}  // namespace hoptrail::agent::privilege

#endif  // HOPTRAIL_AGENT_PRIVILEGE_LANDLOCK_H_
