#ifndef HOPTRAIL_CLI_ENTRY_COMMANDS_H_
#define HOPTRAIL_CLI_ENTRY_COMMANDS_H_

// The commands about one host, incident or path.

#include "absl/status/status.h"

#include "cli/request.h"

namespace hoptrail::cli {

absl::Status ShowHost(const Request& request);
absl::Status RemoveHost(const Request& request);
absl::Status ShowIncident(const Request& request);
// "ack" and "resolve".
absl::Status ChangeIncident(const Request& request);
absl::Status ShowPath(const Request& request);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_ENTRY_COMMANDS_H_
