// hoptrail-agent: watches one host and streams what it finds to a collector.

#include <malloc.h>
#include <signal.h>
#include <stdio.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "agent/config/settings.h"
#include "agent/health/health_file.h"
#include "agent/host/version.h"
#include "agent/kernel/plan/force_tiers.h"
#include "agent/privilege/system_calls.h"
#include "agent/supervisor/supervisor.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/config/findings.h"

namespace hoptrail::agent {
namespace {

constexpr char kUsage[] =
    "Usage: hoptrail-agent --config FILE [--check-config] [--force-tier SOURCE=N]...\n"
    "       hoptrail-agent --health | --live [--config FILE]\n"
    "       hoptrail-agent --print-system-calls | --version | --help\n"
    "\n"
    "Watches this host and streams what it finds to a collector.\n"
    "\n"
    "  --config FILE         the configuration, YAML\n"
    "  --check-config        check it and the files that it names, and exit\n"
    "  --health              ask the running agent whether it is ready: its programs are attached "
    "and\n"
    "                        their events come, and it reaches its collector or can spool\n"
    "  --live                ask whether it is alive: its loop goes round\n"
    "  --force-tier SOURCE=N   learn a fact by its hook of that tier or not at all, for tests\n"
    "  --print-system-calls  print what each of its processes may call, and exit\n"
    "  --version             print the version and exit\n"
    "  --help                print this and exit\n"
    "\n"
    "The configuration is /etc/hoptrail/agent.yaml for --health and --live unless given.\n"
    "SIGHUP: read the configuration and the certificates anew.\n"
    "\n"
    "Exit status: 0 after SIGTERM or SIGINT, or ready or alive; 1 when not, or when a privilege or "
    "kernel feature is missing or "
    "the\n"
    "state directory is in use; 2 when the command line or the configuration is wrong; 3 when the\n"
    "process that holds the programs in the kernel has ended.\n";

constexpr char kUsualConfig[] = "/etc/hoptrail/agent.yaml";

struct CommandLine {
  std::string config;
  kernel::ForcedTiers force_tiers;
  bool check_config = false;
  std::optional<HealthState> probe;
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
  if (line.config.empty() && line.probe.has_value()) line.config = kUsualConfig;
  if (line.config.empty() && !line.version && !line.help && !line.print_system_calls) {
    return absl::InvalidArgumentError("--config FILE is required");
  }
  return line;
}

int Fail(int code, const absl::Status& status) {
  WriteError("hoptrail-agent", status.message());
  return code;
}

// Everything that was found goes to standard error, one line each.
int CheckConfig(const Settings& settings) {
  const config::Findings findings = CheckSettings(settings);
  for (const config::Finding& finding : findings.all()) {
    const bool warning = finding.weight == config::Weight::kWarning;
    (void)Fail(0,
               absl::InvalidArgumentError(absl::StrCat(warning ? "warning: " : "", finding.text)));
  }
  if (!findings.FirstOf(config::Weight::kPassing).ok()) return kExitConfiguration;
  printf("the configuration is good\n");
  return 0;
}

// What may pass by itself, such as a clock that is not set yet, must not leave the host unwatched.
absl::Status CheckAtStart(const Settings& settings) {
  const config::Findings findings = CheckSettings(settings);
  HT_RETURN_IF_ERROR(findings.FirstOf(config::Weight::kError));
  for (const config::Finding& finding : findings.all()) LogWarning("agent", finding.text);
  return absl::OkStatus();
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
  if (line->probe.has_value()) return AnswerProbe(*line->probe, line->config);
  absl::StatusOr<Settings> settings = LoadSettings(line->config);
  if (!settings.ok()) return Fail(kExitConfiguration, settings.status());
  settings->sensor.force_tiers = line->force_tiers;
  if (line->check_config) return CheckConfig(*settings);

  // Until the supervisor takes it, there is nothing to load anew; it never ends anybody.
  ::signal(SIGHUP, SIG_IGN);
  SetLogLevel(settings->log_level);
  const absl::Status checked = CheckAtStart(*settings);
  if (!checked.ok()) return Fail(kExitConfiguration, checked);
  ::signal(SIGPIPE, SIG_IGN);
  // Many threads of gRPC's, few that matter: an arena for each would only scatter what is freed.
  ::mallopt(M_ARENA_MAX, 2);
  return Supervise(*settings);
}

}  // namespace
}  // namespace hoptrail::agent

int main(int argc, char** argv) { return hoptrail::agent::Main(argc, argv); }
