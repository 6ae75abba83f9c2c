#include "agent/command_line.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "core/base/status_macros.h"

namespace hoptrail::agent {
namespace {

constexpr char kDefaultConfig[] = "/etc/hoptrail/agent.yaml";

}  // namespace

const char kUsage[] =
    "Usage: hoptrail-agent --config FILE [--check-config] [--force-tier SOURCE=N]...\n"
    "       hoptrail-agent --health | --live [--config FILE]\n"
    "       hoptrail-agent --print-system-calls | --version | --help\n"
    "\n"
    "Watches this host and streams what it finds to a collector.\n"
    "\n"
    "  --config FILE           the configuration, YAML\n"
    "  --check-config          check it and the files that it names, and exit\n"
    "  --health                ask the running agent whether it is ready: its programs are\n"
    "                          attached and their events arrive, and it reaches its collector or\n"
    "                          can spool\n"
    "  --live                  ask whether it is alive: its loop runs\n"
    "  --force-tier SOURCE=N   serve an event source by its hook of that tier or not at all, for\n"
    "                          tests\n"
    "  --print-system-calls    print the system calls that each process may use, and exit\n"
    "  --version               print the version and exit\n"
    "  --help                  print this and exit\n"
    "\n"
    "The configuration is /etc/hoptrail/agent.yaml for --health and --live unless given.\n"
    "SIGHUP: read the configuration and the certificates again.\n"
    "\n"
    "Exit status: 0 after SIGTERM or SIGINT, or ready or alive; 1 when not, or when a privilege\n"
    "or kernel feature is missing or the state directory is in use; 2 when the command line or\n"
    "the configuration is wrong; 3 when the process that holds the kernel programs has ended.\n";

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
    } else if (argument == "--health" || argument == "--live") {
      line.probe = argument == "--live" ? HealthState::kLive : HealthState::kReady;
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
  if (line.config.empty() && line.probe.has_value()) line.config = kDefaultConfig;
  if (line.config.empty() && !line.version && !line.help && !line.print_system_calls) {
    return absl::InvalidArgumentError("--config FILE is required");
  }
  return line;
}

}  // namespace hoptrail::agent
