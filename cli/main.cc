// hoptrail: asks a collector who moved from which host to which.

#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/text.h"
#include "core/base/log.h"

namespace {

using hoptrail::cli::ExitStatus;

std::string Environment(absl::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr ? "" : value;
}

// The message may come from the server, so it is escaped.
ExitStatus Fail(const absl::Status& status, const hoptrail::cli::Style& style) {
  constexpr size_t kMaxCharacters = 2000;
  hoptrail::WriteError(
      "hoptrail", absl::StrCat(absl::StatusCodeToString(status.code()), ": ",
                               hoptrail::cli::Escape(status.message(), style, kMaxCharacters)));
  return hoptrail::cli::kFailed;
}

ExitStatus Write(const std::string& text) {
  return std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0 ? hoptrail::cli::kFailed
                                                                          : hoptrail::cli::kDone;
}

}  // namespace

int main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "");
  hoptrail::cli::Style style = hoptrail::cli::StyleForTerminal(STDOUT_FILENO);
  const auto options =
      hoptrail::cli::ParseOptions(std::vector<std::string>(argv + 1, argv + argc), &Environment);
  if (!options.ok()) {
    hoptrail::WriteError("hoptrail",
                         absl::StrCat(hoptrail::cli::Escape(options.status().message(), style),
                                      " (see 'hoptrail help')"));
    return hoptrail::cli::kWrongUsage;
  }
  if (options->command == "help") {
    const auto* command = hoptrail::cli::FindCommand(options->name);
    return Write(command == nullptr ? hoptrail::cli::UsageText()
                                    : hoptrail::cli::HelpText(*command));
  }
  if (options->command == "version") return Write("hoptrail " HOPTRAIL_VERSION "\n");

  style.utc = options->utc;
  if (options->wide) style.width = 0;
  const auto client = hoptrail::cli::Client::Create(options->collector);
  if (!client.ok()) return Fail(client.status(), style);
  const auto done = hoptrail::cli::RunCommand(*options, style, client->get());
  return done.ok() ? *done : Fail(done.status(), style);
}
