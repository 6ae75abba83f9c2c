#include "cli/options.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "cli/command_table.h"
#include "core/base/status_macros.h"
#include "core/config/address.h"

namespace hoptrail::cli {
namespace {

constexpr absl::string_view kDefaultAddress = "unix:/run/hoptrail/collector.sock";

// Accepts "incidents/3fa2", "3fa2" and "3FA2…" with at least 4 hexadecimal digits. Returns lower
// case.
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

// Accepts a host's own name or an id, which only the collector can distinguish. Bounds its length.
absl::StatusOr<std::string> ParseHost(absl::string_view text) {
  constexpr size_t kMost = 256;
  if (text.empty() || text.size() > kMost) {
    return absl::InvalidArgumentError("a host's own name or its id is expected");
  }
  return std::string(text);
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

absl::Status CheckCollector(v1::CollectorAddress* collector) {
  const absl::StatusOr<config::Address> address =
      config::ParseAddress(collector->address(), config::AddressUse::kConnect);
  if (!address.ok()) return Annotate(address.status(), "--collector");
  if (address->is_unix()) {
    collector->clear_tls();  // from the environment, perhaps; a socket needs none
    return absl::OkStatus();
  }
  const v1::TlsConfig& tls = collector->tls();
  if (tls.ca_file().empty() || tls.certificate_file().empty() || tls.key_file().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a collector at '", collector->address(),
                     "' is reached by TLS: --ca, --certificate and --key are needed"));
  }
  return absl::OkStatus();
}

// A command line, split into words and flags.
struct Parsed {
  std::vector<absl::string_view> words;
  std::vector<const Flag*> given;
  std::map<absl::string_view, std::string> values;  // of the flags that have one
  bool Has(absl::string_view name) const {
    return std::any_of(given.begin(), given.end(), [&](const Flag* f) { return f->name == name; });
  }
  std::string ValueOf(absl::string_view name) const {
    const auto found = values.find(name);
    return found == values.end() ? "" : found->second;
  }
};

absl::StatusOr<Parsed> Split(const std::vector<std::string>& arguments) {
  Parsed parsed;
  for (size_t i = 0; i < arguments.size(); ++i) {
    absl::string_view argument = arguments[i];
    if (argument == "-h") argument = "--help";
    if (!absl::ConsumePrefix(&argument, "--")) {
      if (absl::StartsWith(argument, "-")) {
        return absl::InvalidArgumentError(absl::StrCat("unknown flag '", argument, "'"));
      }
      parsed.words.push_back(argument);
      continue;
    }
    const size_t equals = argument.find('=');
    const absl::string_view name = argument.substr(0, equals);
    const Flag* flag = FindFlag(name);
    if (flag == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown flag '--", name, "'", SuggestFlag(name)));
    }
    parsed.given.push_back(flag);
    std::optional<std::string> value;
    if (equals != absl::string_view::npos) value = std::string(argument.substr(equals + 1));
    if (flag->value.empty()) {
      if (value.has_value()) {
        return absl::InvalidArgumentError(absl::StrCat("--", name, " takes no value"));
      }
      continue;
    }
    if (!value.has_value() && ++i < arguments.size()) value = arguments[i];
    if (!value.has_value() || value->empty()) {
      return absl::InvalidArgumentError(absl::StrCat("--", name, " needs a value"));
    }
    parsed.values[flag->name] = *value;
  }
  return parsed;
}

absl::Status UnknownCommand(absl::string_view word) {
  return absl::InvalidArgumentError(
      absl::StrCat("unknown command '", word, "'", SuggestCommand(word)));
}

absl::StatusOr<std::string> ParseArgument(const Command& command, absl::string_view text) {
  if (command.name == "help") {
    if (FindCommand(text) == nullptr) return UnknownCommand(text);
    return std::string(text);
  }
  const bool host = command.name == "hosts" || command.name == "remove-host";
  return host ? ParseHost(text) : ParseName(command.name, text);
}

}  // namespace

absl::StatusOr<Options> ParseOptions(
    const std::vector<std::string>& arguments,
    absl::FunctionRef<std::string(absl::string_view name)> environment) {
  HT_ASSIGN_OR_RETURN(const Parsed parsed, Split(arguments));
  Options options;
  if (parsed.Has("version")) {
    options.command = "version";
    return options;
  }
  const bool help = parsed.Has("help");
  if (parsed.words.empty() && !help) {
    return absl::InvalidArgumentError("a command is missing");
  }
  const Command* command =
      parsed.words.empty() ? FindCommand("help") : FindCommand(parsed.words[0]);
  if (command == nullptr) return UnknownCommand(parsed.words[0]);
  options.command = std::string(command->name);
  if (help) {
    if (options.command != "help") options.name = std::exchange(options.command, "help");
    return options;
  }
  const size_t least = command->needs_argument() ? 2 : 1;
  const size_t most = command->takes_argument() ? 2 : 1;
  if (parsed.words.size() < least) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", command->name, "' needs ", command->argument));
  }
  if (parsed.words.size() > most) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", parsed.words[most], "' is one word too many"));
  }
  if (parsed.words.size() == 2) {
    HT_ASSIGN_OR_RETURN(options.name, ParseArgument(*command, parsed.words[1]));
  }
  if (options.command == "help") return options;
  for (const Flag* flag : parsed.given) {
    if (Accepts(*command, *flag)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("'", command->name, "' takes no --", flag->name));
  }

  const auto value_of = [&](absl::string_view name) {
    const Flag* flag = FindFlag(name);
    const std::string given = parsed.ValueOf(name);
    return given.empty() && !flag->variable.empty() ? environment(flag->variable) : given;
  };
  v1::CollectorAddress* collector = &options.collector;
  collector->set_address(value_of("collector"));
  if (collector->address().empty()) collector->set_address(std::string(kDefaultAddress));
  collector->mutable_tls()->set_ca_file(value_of("ca"));
  collector->mutable_tls()->set_certificate_file(value_of("certificate"));
  collector->mutable_tls()->set_key_file(value_of("key"));
  collector->mutable_tls()->set_server_name(value_of("server-name"));
  HT_RETURN_IF_ERROR(CheckCollector(collector));

  options.host = value_of("host");
  options.user = value_of("user");
  options.all = parsed.Has("all");
  options.watch = parsed.Has("watch");
  options.coverage = parsed.Has("coverage");
  options.live = parsed.Has("live");
  options.wide = parsed.Has("wide");
  options.utc = parsed.Has("utc");
  if (const std::string output = value_of("output"); !output.empty()) {
    HT_RETURN_IF_ERROR(SetOutput(output, &options));
  }
  if (options.output == Output::kDot && options.command != "path") {
    return absl::InvalidArgumentError("--output dot is for 'path' only");
  }
  const std::string limit = value_of("limit");
  if (!limit.empty() && (!absl::SimpleAtoi(limit, &options.limit) || options.limit < 0)) {
    return absl::InvalidArgumentError("--limit is a number, 0 for all");
  }
  return options;
}

}  // namespace hoptrail::cli
