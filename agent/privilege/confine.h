#ifndef HOPTRAIL_AGENT_PRIVILEGE_CONFINE_H_
#define HOPTRAIL_AGENT_PRIVILEGE_CONFINE_H_

// Restrictions of the agent's processes, and how they end. Each call acts on the calling process.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "agent/privilege/landlock.h"
#include <sys/types.h>

namespace hoptrail::agent::privilege {

// Closes all descriptors above standard error except those in `kept`.
absl::Status CloseAllBut(std::vector<int> kept);

// The kernel kills this process when `parent` ends. ABORTED where `parent` has already ended.
absl::Status DieWith(pid_t parent);

// SIGALRM kills this process five seconds after `parent` ends, so that the caller can end it in
// order before. ABORTED where `parent` has already ended. Uses SIGUSR1 and SIGALRM.
absl::Status EndSoonAfter(pid_t parent);

// The restrictions that this kernel could not apply, one sentence each; empty where all apply.
using MissingRestrictions = std::vector<std::string>;

// Restricts the process permanently: no new privileges, no core dumps, no tracing by its own user,
// the role's capabilities and system calls only, and for a worker the paths in `grants` only. To be
// called before any thread is started.
absl::Status ConfineSupervisor(MissingRestrictions* missing);
absl::Status ConfineLoader(bool needs_sys_admin, MissingRestrictions* missing);
absl::Status ConfineWorker(const PathGrants& grants, MissingRestrictions* missing);

// A status of wait(2) as text: "was killed by signal 9 (Killed)", "exited with status 1".
std::string DescribeEnd(int status);

}  // namespace hoptrail::agent::privilege

#endif  // HOPTRAIL_AGENT_PRIVILEGE_CONFINE_H_
