#ifndef HOPTRAIL_CLI_WATCH_H_
#define HOPTRAIL_CLI_WATCH_H_

#include "absl/status/status.h"

#include "cli/request.h"

namespace hoptrail::cli {

// Prints detections as they happen; connects again where the connection breaks. Returns only with
// an error that another attempt cannot cure.
absl::Status WatchDetections(const Request& request);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_WATCH_H_
