#ifndef HOPTRAIL_CLI_LIST_COMMANDS_H_
#define HOPTRAIL_CLI_LIST_COMMANDS_H_

// The commands that show lists.

#include "absl/status/status.h"

#include "cli/request.h"

namespace hoptrail::cli {

// All hosts, or the one that the options name.
absl::Status ShowHosts(const Request& request);
absl::Status ShowSessions(const Request& request);
// With --watch: until an error that another attempt cannot cure.
absl::Status ShowDetections(const Request& request);
absl::Status ShowIncidents(const Request& request);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_LIST_COMMANDS_H_
