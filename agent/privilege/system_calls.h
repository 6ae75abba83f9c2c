#ifndef HOPTRAIL_AGENT_PRIVILEGE_SYSTEM_CALLS_H_
#define HOPTRAIL_AGENT_PRIVILEGE_SYSTEM_CALLS_H_

#include <string>

#include "absl/status/status.h"

namespace hoptrail::agent::privilege {

// The agent's processes.
enum class Role {
  kSupervisor,  // starts the two others and waits
  kLoader,      // holds the programs in the kernel
  kWorker,      // everything else
};

// Restricts the calling thread, and the threads and processes that it starts, to the role's system
// calls, by seccomp(2), permanently. Loader and worker have a list of allowed calls. A call on no
// list fails with ENOSYS, so that a library falls back as on an older kernel. A call that no
// library makes by mistake (executing a program, tracing, loading into the kernel, accepting
// connections) kills the process with SIGSYS; the next worker reports that. `no_new_privs` must be
// set.
absl::Status RestrictSystemCalls(Role role);

// The lists as text for people: one call for each line, with its conditions.
std::string DescribeSystemCalls();

}  // namespace hoptrail::agent::privilege

#endif  // HOPTRAIL_AGENT_PRIVILEGE_SYSTEM_CALLS_H_
