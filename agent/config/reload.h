#ifndef HOPTRAIL_AGENT_CONFIG_RELOAD_H_
#define HOPTRAIL_AGENT_CONFIG_RELOAD_H_

// What a running agent takes up of a configuration file that was changed.

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "agent/config/settings.h"

namespace hoptrail::agent {

struct Reload {
  Settings settings;                       // in force from now on
  std::vector<std::string> changed;        // keys that are different from then on
  std::vector<std::string> needs_restart;  // keys that stay as they were when the agent started
  std::vector<std::string> weakened;       // of both: keys by which less is seen or reported
};

// `started`: what the agent was started with, by which the kernel side and the state directory go
// as long as it runs; `present`: what is in force; `fresh`: what the file says. Pure.
Reload PlanReload(const Settings& started, const Settings& present, const Settings& fresh);

// Reads the file with its text at hand: what would be in force, or INVALID_ARGUMENT and the like,
// for the operator, where the text or the files that it names are no good.
absl::StatusOr<Reload> CheckReload(const Settings& started, const Settings& present,
                                   const std::string& text);

// The file's text, bounded. For whoever must not interpret it.
absl::StatusOr<std::string> ReadConfiguration(const std::string& path);

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_CONFIG_RELOAD_H_
