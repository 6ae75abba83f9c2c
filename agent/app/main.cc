// hoptrail-agent: watches one host and streams what it finds to a collector.

#include <malloc.h>
#include <signal.h>
#include <stdio.h>

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "agent/app/host_facts.h"
#include "agent/app/settings.h"
#include "agent/app/supervisor.h"
#include "agent/app/version.h"
#include "agent/kernel/force_tiers.h"
#include "agent/privilege/system_calls.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/config/credentials.h"

namespace hoptrail::agent::app {
namespace {

constexpr char kUsage[] =
    "Usage: hoptrail-agent --config FILE [--check-config] [--force-tier FACT=N]...\n"
    "       hoptrail-agent --print-system-calls | --version | --help\n"
    "\n"
    "Watches this host and streams what it finds to a collector.\n"
    "\n"
    "  --config FILE         the configuration, YAML\n"
    "  --check-config        check it and the files that it names, and exit\n"
    "  --force-tier FACT=N   learn a fact by its hook of that tier or not at all, for tests\n"
    "  --print-system-calls  print what each of its processes may call, and exit\n"
    "  --version             print the version and exit\n"
    "  --help                print this and exit\n"
    "\n"
    "SIGHUP: read the configuration and the certificates anew.\n"
    "\n"
    "Exit status: 0 after SIGTERM or SIGINT; 1 when a privilege or kernel feature is missing or "
    "the\n"
    "state directory is in use; 2 when the command line or the configuration is wrong; 3 when the\n"
    "process that holds the programs in the kernel has ended.\n";

struct CommandLine {
  std::string config;
  kernel::ForcedTiers force_tiers;
  bool check_config = false;
  bool print_system_calls = false;
  bool version = false;
  bool help = false;
};

absl::StatusOr<CommandLine> ParseCommandLine(int argc, char** argv) {
  CommandLine line;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--config" && i + 1 < argc) {
      line.config = argv[++i];
    } else if (absl::StartsWith(argument, "--config=")) {
      line.config = argument.substr(sizeof("--config=") - 1);
    } else if (argument == "--force-tier" && i + 1 < argc) {
      HT_RETURN_IF_ERROR(kernel::AddForcedTier(argv[++i], &line.force_tiers));
    } else if (absl::StartsWith(argument, "--force-tier=")) {
      HT_RETURN_IF_ERROR(
          kernel::AddForcedTier(argument.substr(sizeof("--force-tier=") - 1), &line.force_tiers));
    } else if (argument == "--check-config") {
      line.check_config = true;
    } else if (argument == "--print-system-calls") {
      line.print_system_calls = true;
    } else if (argument == "--version") {
      line.version = true;
    } else if (argument == "--help" || argument == "-h") {
      line.help = true;
    } else {
      return absl::InvalidArgumentError(absl::StrCat("unknown argument '", argument, "'"));
    }
  }
  if (line.config.empty() && !line.version && !line.help && !line.print_system_calls) {
    return absl::InvalidArgumentError("--config FILE is required");
  }
  return line;
}

int Fail(int code, const absl::Status& status) {
  const std::string message(status.message());
  fprintf(stderr, "hoptrail-agent: %s\n", message.c_str());
  return code;
}

int CheckConfig(const Settings& settings) {
  absl::Status status = ReadHostId(settings.machine_id_file).status();
  if (status.ok() && settings.collector.has_tls()) {
    status = config::CheckTls(settings.collector.tls());
  }
  if (!status.ok()) return Fail(kExitConfiguration, status);
  printf("the configuration is good\n");
  return 0;
}

int Main(int argc, char** argv) {
  const absl::StatusOr<CommandLine> line = ParseCommandLine(argc, argv);
  if (!line.ok()) return Fail(kExitConfiguration, line.status());
  if (line->help) {
    fputs(kUsage, stdout);
    return 0;
  }
  if (line->version) {
    printf("hoptrail-agent %s\n", kVersion);
    return 0;
  }
  if (line->print_system_calls) {
    fputs(privilege::DescribeSystemCalls().c_str(), stdout);
    return 0;
  }
  absl::StatusOr<Settings> settings = LoadSettings(line->config);
  if (!settings.ok()) return Fail(kExitConfiguration, settings.status());
  settings->sensor.force_tiers = line->force_tiers;
  if (line->check_config) return CheckConfig(*settings);

  // Until the supervisor takes it, there is nothing to load anew; it never ends anybody.
  ::signal(SIGHUP, SIG_IGN);
  SetLogLevel(settings->log_level);
  ::signal(SIGPIPE, SIG_IGN);
  // Many threads of gRPC's, few that matter: an arena for each would only scatter what is freed.
  ::mallopt(M_ARENA_MAX, 2);
  return Supervise(*settings);
}

}  // namespace
}  // namespace hoptrail::agent::app

int main(int argc, char** argv) { return hoptrail::agent::app::Main(argc, argv); }
