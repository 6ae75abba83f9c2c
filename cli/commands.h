#ifndef HOPTRAIL_CLI_COMMANDS_H_
#define HOPTRAIL_CLI_COMMANDS_H_

#include "absl/status/status.h"

#include "cli/client.h"
#include "cli/options.h"
#include "cli/text.h"

namespace hoptrail::cli {

// Does what `options` asks for and writes the answer to standard output; hints and the state of a
// watch go to standard error. A watch returns only with an error that trying again cannot cure.
absl::Status RunCommand(const Options& options, const Style& style, Client* client);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_COMMANDS_H_
