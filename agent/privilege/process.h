#ifndef HOPTRAIL_AGENT_PRIVILEGE_PROCESS_H_
#define HOPTRAIL_AGENT_PRIVILEGE_PROCESS_H_

// What a process of the agent may keep, and how it ends. Each call is about the calling process.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "agent/privilege/landlock.h"
#include <sys/types.h>

namespace hoptrail::agent::privilege {

// Closes every descriptor above standard error that is not in `kept`.
absl::Status CloseAllBut(std::vector<int> kept);

// No core dump, and no tracing by others of its user.
absl::Status KeepMemoryPrivate();

// SIGKILL as soon as `parent` has ended, at once if it already has.
absl::Status DieWith(pid_t parent);

// Ended by SIGALRM five seconds after `parent` has ended, unless it ends by itself before, which
// the caller sees to; at once if `parent` already has. Takes SIGUSR1 and SIGALRM.
absl::Status EndSoonAfter(pid_t parent);

// What confinement could not do on this kernel, one sentence each; empty where all of it holds.
using MissingRestrictions = std::vector<std::string>;

// For good, before any thread is started: no new privileges, no core dumps, the role's
// capabilities and system calls, and for a worker the paths in `grants`.
absl::Status ConfineSupervisor(MissingRestrictions* missing);
absl::Status ConfineLoader(bool needs_sys_admin, MissingRestrictions* missing);
absl::Status ConfineWorker(const PathGrants& grants, MissingRestrictions* missing);

// "was killed by signal 9 (Killed)", "exited with status 1": of a status of wait(2).
std::string DescribeEnd(int status);

}  // namespace hoptrail::agent::privilege

#endif  // HOPTRAIL_AGENT_PRIVILEGE_PROCESS_H_
