#ifndef HOPTRAIL_CLI_OPTIONS_H_
#define HOPTRAIL_CLI_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hoptrail::cli {

enum class Output { kText, kJson, kDot };

// How to reach the collector. TLS files are needed unless `address` is a UNIX socket.
struct Connection {
  std::string address;  // "host:port" or "unix:/path"
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  std::string server_name;  // Name expected in the server's certificate; empty: the address's.

  bool plain() const;
};

// What the command line asks for.
struct Options {
  Connection connection;
  Output output = Output::kText;
  std::string command;  // "help" and "version" too
  std::string name;     // the command's argument: "incidents/…", "sessions/…", or digits alone
  std::string host;
  std::string user;
  bool all = false;
  bool watch = false;
  bool coverage = false;
  int64_t limit = 200;  // Most rows of a list; 0: all.
};

// `arguments` without the program's name; `environment` returns "" for what is not set. Flags may
// stand anywhere, as `--flag VALUE` or `--flag=VALUE`. INVALID_ARGUMENT says what is wrong.
absl::StatusOr<Options> ParseOptions(
    const std::vector<std::string>& arguments,
    absl::FunctionRef<std::string(absl::string_view name)> environment);

absl::string_view UsageText();

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_OPTIONS_H_
