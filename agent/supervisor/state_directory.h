#ifndef HOPTRAIL_AGENT_SUPERVISOR_STATE_DIRECTORY_H_
#define HOPTRAIL_AGENT_SUPERVISOR_STATE_DIRECTORY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "core/base/unique_fd.h"

namespace hoptrail::agent::supervisor {

// Creates the directory (mode 0700) where it is missing, and locks it against a second agent as
// long as the descriptor is open. The kernel releases the lock however the agent ends. It waits up
// to `wait` for another agent's lock, because an agent whose first process was killed takes some
// seconds to end. FAILED_PRECONDITION where another agent still holds the lock then.
//
// A full or read-only file system must not prevent an agent from running. Then the lock is on a
// file that is opened for reading, or on the directory itself, or, with a warning in the log, there
// is none.
absl::StatusOr<UniqueFd> LockStateDirectory(const std::string& path,
                                            absl::Duration wait = absl::Seconds(6));

}  // namespace hoptrail::agent::supervisor

#endif  // HOPTRAIL_AGENT_SUPERVISOR_STATE_DIRECTORY_H_
