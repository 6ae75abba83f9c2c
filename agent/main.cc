// hoptrail-agent: watches one host and streams what it finds to a collector.

#include <malloc.h>
#include <signal.h>
#include <stdio.h>

#include "absl/strings/str_cat.h"

#include "agent/command_line.h"
#include "agent/config/settings.h"
#include "agent/health/health_file.h"
#include "agent/host/version.h"
#include "agent/privilege/system_calls.h"
#include "agent/supervisor/supervisor.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/config/findings.h"

namespace hoptrail::agent {
namespace {

int Fail(int code, const absl::Status& status) {
  WriteError("hoptrail-agent", status.message());
  return code;
}

// Writes every finding to standard error, one line each.
int CheckConfig(const Settings& settings) {
  const config::Findings findings = CheckSettings(settings);
  for (const config::Finding& finding : findings.all()) {
    const bool warning = finding.weight == config::Weight::kWarning;
    (void)Fail(0,
               absl::InvalidArgumentError(absl::StrCat(warning ? "warning: " : "", finding.text)));
  }
  if (!findings.FirstOf(config::Weight::kPassing).ok()) return supervisor::kExitConfiguration;
  printf("the configuration is good\n");
  return 0;
}

// A fault that may pass by itself, such as a clock that is not set yet, is only logged: the host
// must not stay unwatched.
absl::Status CheckAtStart(const Settings& settings) {
  const config::Findings findings = CheckSettings(settings);
  HT_RETURN_IF_ERROR(findings.FirstOf(config::Weight::kError));
  for (const config::Finding& finding : findings.all()) LogWarning("agent", finding.text);
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  const absl::StatusOr<CommandLine> line = ParseCommandLine(argc, argv);
  if (!line.ok()) return Fail(supervisor::kExitConfiguration, line.status());
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
  if (!settings.ok()) return Fail(supervisor::kExitConfiguration, settings.status());
  settings->sensor.force_tiers = line->force_tiers;
  if (line->check_config) return CheckConfig(*settings);

  // Until the supervisor handles SIGHUP there is nothing to load again, and it must not end the
  // agent.
  ::signal(SIGHUP, SIG_IGN);
  SetLogLevel(settings->log_level);
  const absl::Status checked = CheckAtStart(*settings);
  if (!checked.ok()) return Fail(supervisor::kExitConfiguration, checked);
  ::signal(SIGPIPE, SIG_IGN);
  // gRPC has many threads of which few allocate: an arena for each would only fragment the memory.
  ::mallopt(M_ARENA_MAX, 2);
  return supervisor::Supervise(*settings);
}

}  // namespace
}  // namespace hoptrail::agent

int main(int argc, char** argv) { return hoptrail::agent::Main(argc, argv); }
