// hoptrail: asks a collector who moved from where to where.

#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/text.h"

namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

std::string Environment(absl::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr ? "" : value;
}

int Fail(const absl::Status& status, const hoptrail::cli::Style& style) {
  // The server's words, escaped like everything that comes from outside.
  const std::string message = hoptrail::cli::Escape(status.message(), style, 2000);
  std::fprintf(stderr, "hoptrail: %s: %s\n", absl::StatusCodeToString(status.code()).c_str(),
               message.c_str());
  return kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "");
  const hoptrail::cli::Style style = hoptrail::cli::StyleForTerminal(STDOUT_FILENO);
  const auto options =
      hoptrail::cli::ParseOptions(std::vector<std::string>(argv + 1, argv + argc), &Environment);
  if (!options.ok()) {
    const std::string message = hoptrail::cli::Escape(options.status().message(), style);
    std::fprintf(stderr, "hoptrail: %s; see hoptrail help\n", message.c_str());
    return kWrongUsage;
  }
  if (options->command == "help") {
    return std::fputs(std::string(hoptrail::cli::UsageText()).c_str(), stdout) < 0 ? kFailed : 0;
  }
  if (options->command == "version") return std::puts("hoptrail " HOPTRAIL_VERSION) < 0;

  const auto client = hoptrail::cli::Client::Create(options->connection);
  if (!client.ok()) return Fail(client.status(), style);
  const absl::Status status = hoptrail::cli::RunCommand(*options, style, client->get());
  return status.ok() ? 0 : Fail(status, style);
}
