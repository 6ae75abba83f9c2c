#ifndef HOPTRAIL_AGENT_COMMAND_LINE_H_
#define HOPTRAIL_AGENT_COMMAND_LINE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"

#include "agent/health/health_file.h"
#include "agent/kernel/plan/force_tiers.h"

namespace hoptrail::agent {

// The agent's arguments, as --help describes them.
struct CommandLine {
  std::string config;  // the path of the configuration file
  kernel::ForcedTiers force_tiers;
  bool check_config = false;
  std::optional<HealthState> probe;  // --health or --live
  bool print_system_calls = false;
  bool version = false;
  bool help = false;
};

// INVALID_ARGUMENT, for the user, for an unknown argument and where --config is missing.
absl::StatusOr<CommandLine> ParseCommandLine(int argc, char** argv);

// The text of --help.
extern const char kUsage[];

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_COMMAND_LINE_H_
