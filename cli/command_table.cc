#include "cli/command_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "cli/text.h"

namespace hoptrail::cli {
namespace {

constexpr char kIds[] =
    "An id may be cut to any unique beginning of at least 4 digits, as the lists show them.";

constexpr char kStatus[] =
    "Exit status: 0 done; 1 the collector refused or cannot be reached, or the answer cannot be "
    "written; 2 the command line is wrong; 3 answered, but something may be missing: the collector "
    "cannot write its store or makes no progress (standard error says so).";

constexpr char kEnvironment[] =
    "The environment may give HOPTRAIL_COLLECTOR, HOPTRAIL_CA, HOPTRAIL_CERTIFICATE, HOPTRAIL_KEY "
    "and HOPTRAIL_SERVER_NAME instead. TZ is the time zone, NO_COLOR switches colour off.";

constexpr char kHosts[] =
    "Without HOST a line for each machine, with the state of its present boot; DEGRADED beside it "
    "says what is degraded there at present. With HOST, its own name or its id: everything about "
    "it, with its boots, why it is degraded and since when, what was lost, and the hook that "
    "serves "
    "each event source.";

constexpr char kRemoveHost[] =
    "HOST is its own name, its id, or the whole name of one of its ended boots. The records of its "
    "sessions stay for as long as the store keeps them; a host that connects again is listed "
    "again. "
    "Its agent must not be connected. Needs the role operator.";

constexpr char kSessions[] =
    "Open remote, console and scheduled sessions, newest first. --all: of every kind, closed too.";

constexpr char kDetections[] =
    "--watch: as it happens, until Ctrl-C; a connection that breaks is made again, and nothing is "
    "missed.";

constexpr char kIncidents[] =
    "PAGE says whether the newest state has reached the people on call. DEGRADED names the hosts "
    "of "
    "an open path about which something may be missing.";

constexpr char kHealth[] =
    "Exit status 0 where the collector answers, stores and makes progress; 3 where it can only "
    "read, "
    "because it cannot write its store; 1 where it cannot be reached or makes no progress.";

constexpr char kOperator[] = "Needs the role operator.";

// The number of letters to add, remove or replace to turn one into the other.
size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

template <typename Entries>
std::string Suggest(absl::string_view word, absl::string_view dashes, const Entries& entries) {
  constexpr size_t kMostLetters = 32;
  if (word.size() > kMostLetters) return "";
  absl::string_view nearest;
  size_t least = std::max<size_t>(word.size() / 2, 1) + 1;
  for (const auto& entry : entries) {
    const size_t distance = Distance(word, entry.name);
    if (distance >= least) continue;
    least = distance;
    nearest = entry.name;
  }
  return nearest.empty() ? "" : absl::StrCat("; did you mean '", dashes, nearest, "'?");
}

// Help is read on terminals of every width.
const Style& Page() {
  static const Style page = {.width = 80};
  return page;
}

// Appends "  --limit N          most rows; …" with the words in a column of their own.
void AppendEntry(const std::string& what, absl::string_view words, std::string* out) {
  constexpr size_t kColumn = 28;
  const std::string first = absl::StrCat("  ", what);
  AppendWrapped(first + std::string(kColumn - std::min(kColumn - 1, first.size()), ' '),
                std::string(kColumn, ' '), words, Page(), out);
}

void AppendFlag(const Flag& flag, std::string* out) {
  AppendEntry(absl::StrCat("--", flag.name, flag.value.empty() ? "" : " ", flag.value), flag.help,
              out);
}

void AppendParagraph(absl::string_view words, std::string* out) {
  AppendWrapped("", "", words, Page(), out);
}

// Some commands accept the flag, and others do not.
bool IsOfSome(const Flag& flag) {
  return std::any_of(Commands().begin(), Commands().end(), [&](const Command& command) {
    return std::find(command.flags.begin(), command.flags.end(), flag.name) != command.flags.end();
  });
}

void AppendFlagsOfAll(std::string* out) {
  for (const Flag& flag : Flags()) {
    if (!IsOfSome(flag)) AppendFlag(flag, out);
  }
  *out += "\n";
  AppendParagraph(kEnvironment, out);
}

std::string Synopsis(const Command& command) {
  std::string out(command.name);
  for (const absl::string_view name : command.flags) {
    const Flag* flag = FindFlag(name);
    absl::StrAppend(&out, " [--", name, flag->value.empty() ? "" : " ", flag->value, "]");
  }
  absl::StrAppend(&out, command.takes_argument() ? " " : "", command.argument);
  return out;
}

}  // namespace

// clang-format off
const std::vector<Command>& Commands() {
  static const auto* commands = new std::vector<Command>{
      {"hosts", "[HOST]", "hosts with an agent: state, losses, what each can see", kHosts,
       {"coverage", "limit"},
       {"hoptrail hosts", "hoptrail hosts web-01", "hoptrail hosts --coverage"}},
      {"remove-host", "HOST", "take a machine that is gone, or one boot of it, off the list",
       kRemoveHost, {}, {"hoptrail remove-host web-01"}},
      {"sessions", "", "who is logged in where, and how they got in", kSessions,
       {"host", "user", "all", "limit"},
       {"hoptrail sessions --user root", "hoptrail sessions --host web-01 --all --limit 20"}},
      {"detections", "", "what was detected, newest first", kDetections,
       {"watch", "limit"},
       {"hoptrail detections --limit 20", "hoptrail detections --watch --output json"}},
      {"incidents", "", "what needs someone; --all: resolved ones too", kIncidents,
       {"all", "limit"},
       {"hoptrail incidents", "hoptrail incidents --all --limit 0 --output json"}},
      {"incident", "INCIDENT", "one incident: its page, its detections", kIds, {},
       {"hoptrail incident 3fa2c81d"}},
      {"path", "INCIDENT|SESSION", "the whole path, from its root", kIds, {},
       {"hoptrail path 3fa2", "hoptrail path sessions/81d90ab1",
        "hoptrail path 3fa2 --output dot | dot -Tsvg > path.svg"}},
      {"ack", "INCIDENT", "someone works on it: paging stops", kOperator, {},
       {"hoptrail ack 3fa2"}},
      {"resolve", "INCIDENT", "it is over", kOperator, {}, {"hoptrail resolve 3fa2"}},
      {"health", "", "whether the collector serves", kHealth, {"live"},
       {"hoptrail health", "hoptrail health --live"}},
      {"help", "[COMMAND]", "this, or everything about one command", "", {},
       {"hoptrail help path"}},
  };
  return *commands;
}
// clang-format on

const std::vector<Flag>& Flags() {
  static const auto* flags = new std::vector<Flag>{
      {"host", "HOST", "", "sessions of one host, by its own name or id"},
      {"user", "USER", "", "sessions of one user"},
      {"all", "", "", "closed or resolved ones too, of every kind"},
      {"watch", "", "", "detections as they happen"},
      {"coverage", "", "", "also the hook that serves each event source"},
      {"live", "", "", "also fine where the collector can only read: for liveness probes"},
      {"limit", "N", "", "most rows; 200 unless given, 0 for all"},
      {"output", "text|json|dot", "", "json: the API's message; dot: a path for Graphviz"},
      {"wide", "", "", "every column in full, however narrow the terminal is"},
      {"utc", "", "", "times in UTC instead of local time"},
      {"collector", "ADDRESS", "HOPTRAIL_COLLECTOR",
       "host:port or unix:/path; unix:/run/hoptrail/collector.sock unless given"},
      {"ca", "FILE", "HOPTRAIL_CA", "authority of the collector's certificate (TLS)"},
      {"certificate", "FILE", "HOPTRAIL_CERTIFICATE",
       "own certificate: a reader's, or an operator's to change something (TLS)"},
      {"key", "FILE", "HOPTRAIL_KEY", "its private key (TLS)"},
      {"server-name", "NAME", "HOPTRAIL_SERVER_NAME",
       "name in the collector's certificate, where the address's is another"},
      {"help", "", "", "this, or everything about one command"},
      {"version", "", "", "print the version and exit"},
  };
  return *flags;
}

const Command* FindCommand(absl::string_view name) {
  for (const Command& command : Commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

const Flag* FindFlag(absl::string_view name) {
  for (const Flag& flag : Flags()) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

bool Accepts(const Command& command, const Flag& flag) {
  return !IsOfSome(flag) ||
         std::find(command.flags.begin(), command.flags.end(), flag.name) != command.flags.end();
}

std::string SuggestCommand(absl::string_view word) { return Suggest(word, "", Commands()); }
std::string SuggestFlag(absl::string_view word) { return Suggest(word, "--", Flags()); }

std::string UsageText() {
  std::string out = "Usage: hoptrail [FLAGS] COMMAND\n\n";
  for (const Command& command : Commands()) {
    AppendEntry(absl::StrCat(command.name, command.takes_argument() ? " " : "", command.argument),
                command.summary, &out);
  }
  out += "\n";
  AppendParagraph(kIds, &out);
  out += "'hoptrail help COMMAND' says more about one.\n\n";
  AppendFlagsOfAll(&out);
  out += "\n";
  AppendParagraph(kStatus, &out);
  return out;
}

std::string HelpText(const Command& command) {
  std::string out;
  AppendWrapped("Usage: hoptrail [FLAGS] ", "         ", Synopsis(command), Page(), &out);
  out += "\n";
  AppendParagraph(absl::StrCat(command.name, ": ", command.summary, "."), &out);
  if (!command.details.empty()) AppendParagraph(command.details, &out);
  if (!command.flags.empty()) out += "\n";
  for (const absl::string_view name : command.flags) AppendFlag(*FindFlag(name), &out);
  out += "\nFlags of every command:\n";
  AppendFlagsOfAll(&out);
  out += "\nExamples:\n";
  for (const absl::string_view example : command.examples) {
    absl::StrAppend(&out, "  ", example, "\n");
  }
  out += "\n";
  AppendParagraph(kStatus, &out);
  return out;
}

}  // namespace hoptrail::cli
