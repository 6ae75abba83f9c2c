#ifndef HOPTRAIL_CLI_COMMANDS_H_
#define HOPTRAIL_CLI_COMMANDS_H_

#include "absl/status/statusor.h"

#include "cli/client.h"
#include "cli/options.h"
#include "cli/text.h"

namespace hoptrail::cli {

// The program's exit status; UsageText() says what each means.
enum ExitStatus { kDone = 0, kFailed = 1, kWrongUsage = 2, kIncomplete = 3 };

// Runs the command of `options` and writes the answer to standard output; hints, warnings and the
// state of a watch go to standard error. A watch returns only with an error that another attempt
// cannot cure. Returns kDone, or kIncomplete where the collector says that its answers may lack
// something: then an empty list is not shown as empty.
absl::StatusOr<ExitStatus> RunCommand(const Options& options, const Style& style, Client* client);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_COMMANDS_H_
