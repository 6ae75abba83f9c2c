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

// Binds the calling thread, and the threads and processes that it starts, to the role's system
// calls, by seccomp(2), for good. Loader and worker have a list of what they may call. What is on
// no list fails with ENOSYS, so that a library that tries a newer call falls back as it would on an
// older kernel. What no library calls by mistake (running a program, tracing, loading into the
// kernel, taking connections in) ends the process with SIGSYS: the next worker tells of it.
// `no_new_privs` must be set.
absl::Status RestrictSystemCalls(Role role);

// The lists, for people: one call a line, with its conditions.
std::string DescribeSystemCalls();

}  // namespace hoptrail::agent::privilege

#endif  // HOPTRAIL_AGENT_PRIVILEGE_SYSTEM_CALLS_H_
