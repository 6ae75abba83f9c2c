#ifndef HOPTRAIL_AGENT_APP_STATE_DIRECTORY_H_
#define HOPTRAIL_AGENT_APP_STATE_DIRECTORY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "core/base/unique_fd.h"

namespace hoptrail::agent::app {

// Creates the directory (mode 0700) where it is missing, and locks it against a second agent for as
// long as the descriptor is open. The kernel frees the lock however the agent ends.
// One whose first process was killed takes some seconds to go: another's lock is waited for.
// FAILED_PRECONDITION where another agent has it even then.
//
// A full or read-only file system must not keep an agent from running: the lock is then on a file
// that is only read, or on the directory itself, or there is none (the log says so).
absl::StatusOr<UniqueFd> LockStateDirectory(const std::string& path,
                                            absl::Duration wait = absl::Seconds(6));

}  // namespace hoptrail::agent::app

#endif  // HOPTRAIL_AGENT_APP_STATE_DIRECTORY_H_
