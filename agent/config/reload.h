#ifndef HOPTRAIL_AGENT_CONFIG_RELOAD_H_
#define HOPTRAIL_AGENT_CONFIG_RELOAD_H_

// Decides which changes of its configuration file a running agent can use.

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "agent/config/settings.h"

namespace hoptrail::agent {

struct Reload {
  Settings settings;                       // in force from now on
  std::vector<std::string> changed;        // keys that have another value from now on
  std::vector<std::string> needs_restart;  // keys that keep their value until a restart
  std::vector<std::string> weakened;  // of both: keys with which the agent sees or reports less
};

// `started`: the settings at the agent's start, which the kernel side and the state directory keep;
// `present`: the settings in force; `fresh`: the settings in the file. Pure.
Reload PlanReload(const Settings& started, const Settings& present, const Settings& fresh);

// Parses and checks the file's text. Returns the settings that would be in force. Errors are for
// the operator: INVALID_ARGUMENT and the like where the text or a file that it names is not good.
absl::StatusOr<Reload> CheckReload(const Settings& started, const Settings& present,
                                   const std::string& text);

// The file's text, at most 1 MiB, for a process that must not parse it.
absl::StatusOr<std::string> ReadConfiguration(const std::string& path);

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_CONFIG_RELOAD_H_
