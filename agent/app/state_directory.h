#ifndef HOPTRAIL_AGENT_APP_STATE_DIRECTORY_H_
#define HOPTRAIL_AGENT_APP_STATE_DIRECTORY_H_

#include <string>

#include "absl/status/statusor.h"

#include "core/base/unique_fd.h"

namespace hoptrail::agent::app {

// Creates the folder (mode 0700) where it is missing, and locks it against a second agent for as
// long as the descriptor is open. The kernel frees the lock however the agent ends.
// FAILED_PRECONDITION where another agent has it.
absl::StatusOr<UniqueFd> LockStateDirectory(const std::string& path);

}  // namespace hoptrail::agent::app

#endif  // HOPTRAIL_AGENT_APP_STATE_DIRECTORY_H_
