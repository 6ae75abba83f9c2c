#ifndef HOPTRAIL_CLI_COMMAND_TABLE_H_
#define HOPTRAIL_CLI_COMMAND_TABLE_H_

// The table of all commands and flags, for parsing and for help. Constant.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace hoptrail::cli {

struct Flag {
  absl::string_view name;      // without its dashes
  absl::string_view value;     // "FILE"; empty for one without a value
  absl::string_view variable;  // of the environment; empty: none
  absl::string_view help;
};

struct Command {
  absl::string_view name;
  absl::string_view argument;            // "INCIDENT", "[HOST]", or empty
  absl::string_view summary;             // one line
  absl::string_view details;             // for its own help
  std::vector<absl::string_view> flags;  // those that not every command accepts
  std::vector<absl::string_view> examples;

  bool takes_argument() const { return !argument.empty(); }
  bool needs_argument() const { return takes_argument() && argument.front() != '['; }
};

const std::vector<Command>& Commands();
const std::vector<Flag>& Flags();

// Null where no entry has that name.
const Command* FindCommand(absl::string_view name);
const Flag* FindFlag(absl::string_view name);
// Whether the command accepts the flag.
bool Accepts(const Command& command, const Flag& flag);

// "; did you mean 'hosts'?", or nothing where no name is similar.
std::string SuggestCommand(absl::string_view word);
std::string SuggestFlag(absl::string_view word);

// Every command and flag in short; one command with its flags and examples.
std::string UsageText();
std::string HelpText(const Command& command);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_COMMAND_TABLE_H_
