#include "cli/options.h"

#include <algorithm>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "core/base/status_macros.h"

namespace hoptrail::cli {
namespace {

constexpr absl::string_view kDefaultAddress = "unix:/run/hoptrail/collector.sock";

// A flag with a value: where it goes, and the environment variable that it is taken from.
struct ValueFlag {
  absl::string_view name;
  absl::string_view variable;
  std::string* value;
};
// A flag that is there or not, or has a value that only some commands know.
struct CommandFlag {
  absl::string_view name;
  std::vector<absl::string_view> commands;
};

const std::vector<CommandFlag>& CommandFlags() {
  static const auto* flags = new std::vector<CommandFlag>{
      {"host", {"sessions"}},
      {"user", {"sessions"}},
      {"all", {"sessions", "incidents"}},
      {"watch", {"detections"}},
      {"coverage", {"hosts"}},
      {"limit", {"hosts", "sessions", "detections", "incidents"}},
  };
  return *flags;
}

bool IsCommand(absl::string_view word) {
  static constexpr absl::string_view kCommands[] = {"hosts", "sessions", "detections", "incidents",
                                                    "path",  "ack",      "resolve",    "help"};
  return std::find(std::begin(kCommands), std::end(kCommands), word) != std::end(kCommands);
}

bool TakesName(absl::string_view command) {
  return command == "path" || command == "ack" || command == "resolve";
}

// "incidents/3fa2", "3fa2" and "3FA2…": lower case, at least 4 hexadecimal digits.
absl::StatusOr<std::string> ParseName(absl::string_view command, absl::string_view text) {
  std::string name = absl::AsciiStrToLower(text);
  absl::string_view digits = name;
  const bool incident = absl::ConsumePrefix(&digits, "incidents/");
  const bool session = !incident && absl::ConsumePrefix(&digits, "sessions/");
  if (session && command != "path") {
    return absl::InvalidArgumentError(absl::StrCat(command, " takes an incident, not a session"));
  }
  const bool hexadecimal = std::all_of(digits.begin(), digits.end(), absl::ascii_isxdigit);
  if (!hexadecimal || digits.size() < 4 || digits.size() > 32) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is no id: at least 4 of its hexadecimal digits are needed"));
  }
  return name;
}

absl::Status CheckFlagFitsCommand(absl::string_view flag, absl::string_view command) {
  for (const CommandFlag& known : CommandFlags()) {
    if (known.name != flag) continue;
    if (std::find(known.commands.begin(), known.commands.end(), command) != known.commands.end()) {
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("'", command, "' takes no --", flag));
}

absl::Status SetOutput(absl::string_view word, Options* options) {
  if (word == "text") {
    options->output = Output::kText;
  } else if (word == "json") {
    options->output = Output::kJson;
  } else if (word == "dot") {
    options->output = Output::kDot;
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("--output is text, json or dot, not '", word, "'"));
  }
  return absl::OkStatus();
}

absl::Status CheckConnection(const Connection& connection) {
  const int files = !connection.ca_file.empty() + !connection.certificate_file.empty() +
                    !connection.key_file.empty();
  if (!connection.plain() && files != 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("a collector at '", connection.address,
                     "' is reached by TLS: --ca, --certificate and --key are needed"));
  }
  return absl::OkStatus();
}

}  // namespace

bool Connection::plain() const { return absl::StartsWith(address, "unix:"); }

absl::StatusOr<Options> ParseOptions(
    const std::vector<std::string>& arguments,
    absl::FunctionRef<std::string(absl::string_view name)> environment) {
  Options options;
  std::string output, limit;
  const ValueFlag value_flags[] = {
      {"collector", "HOPTRAIL_COLLECTOR", &options.connection.address},
      {"ca", "HOPTRAIL_CA", &options.connection.ca_file},
      {"certificate", "HOPTRAIL_CERTIFICATE", &options.connection.certificate_file},
      {"key", "HOPTRAIL_KEY", &options.connection.key_file},
      {"server-name", "HOPTRAIL_SERVER_NAME", &options.connection.server_name},
      {"output", "", &output},
      {"host", "", &options.host},
      {"user", "", &options.user},
      {"limit", "", &limit},
  };
  const std::pair<absl::string_view, bool*> switches[] = {
      {"all", &options.all}, {"watch", &options.watch}, {"coverage", &options.coverage}};
  for (const ValueFlag& flag : value_flags) {
    if (!flag.variable.empty()) *flag.value = environment(flag.variable);
  }
  if (options.connection.address.empty()) options.connection.address = std::string(kDefaultAddress);

  std::vector<absl::string_view> words;
  std::vector<absl::string_view> given;  // Flags that not every command knows.
  for (size_t i = 0; i < arguments.size(); ++i) {
    absl::string_view argument = arguments[i];
    if (argument == "--help" || argument == "-h" || argument == "--version") {
      options.command = argument == "--version" ? "version" : "help";
      return options;
    }
    if (!absl::ConsumePrefix(&argument, "--")) {
      if (absl::StartsWith(argument, "-")) {
        return absl::InvalidArgumentError(absl::StrCat("unknown flag '", argument, "'"));
      }
      words.push_back(argument);
      continue;
    }
    const size_t equals = argument.find('=');
    const absl::string_view name = argument.substr(0, equals);
    std::optional<std::string> value;
    if (equals != absl::string_view::npos) value = std::string(argument.substr(equals + 1));

    bool found = false;
    for (const ValueFlag& flag : value_flags) {
      if (flag.name != name) continue;
      if (!value.has_value() && ++i < arguments.size()) value = arguments[i];
      if (!value.has_value() || value->empty()) {
        return absl::InvalidArgumentError(absl::StrCat("--", name, " needs a value"));
      }
      *flag.value = *value;
      found = true;
      if (flag.variable.empty() && name != "output") given.push_back(flag.name);
    }
    for (const auto& [switch_name, target] : switches) {
      if (switch_name != name) continue;
      if (value.has_value()) {
        return absl::InvalidArgumentError(absl::StrCat("--", name, " takes no value"));
      }
      *target = found = true;
      given.push_back(switch_name);
    }
    if (!found) return absl::InvalidArgumentError(absl::StrCat("unknown flag '--", name, "'"));
  }

  if (words.empty()) return absl::InvalidArgumentError("a command is missing");
  options.command = std::string(words[0]);
  if (!IsCommand(options.command)) {
    return absl::InvalidArgumentError(absl::StrCat("unknown command '", options.command, "'"));
  }
  if (options.command == "help") return options;
  const size_t wanted = TakesName(options.command) ? 2 : 1;
  if (words.size() < wanted) {
    return absl::InvalidArgumentError(absl::StrCat("'", options.command, "' needs an id"));
  }
  if (words.size() > wanted) {
    return absl::InvalidArgumentError(absl::StrCat("'", words[wanted], "' is one word too many"));
  }
  if (wanted == 2) {
    HT_ASSIGN_OR_RETURN(options.name, ParseName(options.command, words[1]));
  }
  for (absl::string_view flag : given) {
    HT_RETURN_IF_ERROR(CheckFlagFitsCommand(flag, options.command));
  }
  if (!output.empty()) HT_RETURN_IF_ERROR(SetOutput(output, &options));
  if (options.output == Output::kDot && options.command != "path") {
    return absl::InvalidArgumentError("--output dot is for 'path' only");
  }
  if (!limit.empty() && (!absl::SimpleAtoi(limit, &options.limit) || options.limit < 0)) {
    return absl::InvalidArgumentError("--limit is a number, 0 for all");
  }
  HT_RETURN_IF_ERROR(CheckConnection(options.connection));
  return options;
}

absl::string_view UsageText() {
  return R"(Usage: hoptrail [FLAGS] COMMAND

  hosts [--coverage]           hosts with an agent: state, losses, what each can see
  sessions [--host H] [--user U] [--all]
                               open remote, console and cron sessions; --all: of every kind, closed too
  detections [--watch]         what was detected, newest first; --watch: as it happens, until Ctrl-C
  incidents [--all]            what needs someone; --all: resolved ones too
  path INCIDENT|SESSION        the whole path, from its root
  ack INCIDENT                 someone works on it: paging stops
  resolve INCIDENT             it is over
  help                         this

An id may be cut to any unique beginning of at least 4 digits.

  --output text|json|dot       json: the API's message; dot: a path for Graphviz
  --limit N                    most rows of a list; 200 unless told, 0 for all
  --collector ADDRESS          host:port, or unix:/path; unix:/run/hoptrail/collector.sock unless told
  --ca FILE                    authority of the collector's certificate (TLS)
  --certificate FILE           own certificate: a reader's, or an operator's for ack and resolve (TLS)
  --key FILE                   its private key (TLS)
  --server-name NAME           name in the collector's certificate, where the address's is another
  --version

The environment may give HOPTRAIL_COLLECTOR, HOPTRAIL_CA, HOPTRAIL_CERTIFICATE, HOPTRAIL_KEY and
HOPTRAIL_SERVER_NAME instead. NO_COLOR switches colour off.

Exit status: 0 done, 1 the collector refused or cannot be reached, 2 the command line is wrong.
)";
}

}  // namespace hoptrail::cli
