#ifndef HOPTRAIL_CLI_OPTIONS_H_
#define HOPTRAIL_CLI_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include <hoptrail/v1/config.pb.h>

namespace hoptrail::cli {

enum class Output { kText, kJson, kDot };

// The command line, parsed.
struct Options {
  v1::CollectorAddress collector;  // valid for ParseAddress(); with TLS files unless a UNIX socket
  Output output = Output::kText;
  std::string command;  // "help" and "version" too
  // The command's argument: "incidents/…", "sessions/…" or digits alone; a host as it was given;
  // for "help" the name of a command, or empty.
  std::string name;
  std::string host;
  std::string user;
  bool all = false;
  bool watch = false;
  bool coverage = false;
  bool live = false;
  bool wide = false;
  bool utc = false;
  int64_t limit = 200;  // the greatest number of rows of a list; 0: all
};

// `arguments` come without the program's name; `environment` returns "" for an unset variable.
// Flags may stand anywhere, as `--flag VALUE` or `--flag=VALUE`. INVALID_ARGUMENT says what is
// wrong.
absl::StatusOr<Options> ParseOptions(
    const std::vector<std::string>& arguments,
    absl::FunctionRef<std::string(absl::string_view name)> environment);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_OPTIONS_H_
