#ifndef HOPTRAIL_AGENT_CONFIG_SETTINGS_H_
#define HOPTRAIL_AGENT_CONFIG_SETTINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "agent/kernel/plan/options.h"
#include "core/base/log.h"
#include "core/config/findings.h"
#include "core/config/key_places.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::agent {

// The configuration file with its defaults filled in and each part in the types of its stage.
struct Settings {
  std::string file;             // the file's path
  std::string host_name;        // empty: the system's
  std::string machine_id_file;  // "/etc/machine-id"
  std::string state_directory;
  std::string network_namespace;  // "self", a path, or empty: the whole host
  v1::CollectorAddress collector;
  kernel::SensorOptions sensor;  // without the scope, which needs the namespace's inode
  v1::HostRulesConfig rules;
  std::vector<uint16_t> watched_ports;
  uint64_t spool_bytes = 0;
  LogLevel log_level = LogLevel::kInfo;
  config::KeyPlaces places;  // the lines of the keys, for messages
};

// Reads and checks the file, but not the files that it names. Errors are for the operator and name
// the file, the line and the key.
absl::StatusOr<Settings> LoadSettings(const std::string& path);

// The same for a text; `path` takes the file's place in messages.
absl::StatusOr<Settings> ParseSettings(absl::string_view text, const std::string& path);

// Checks the files and directories that the settings name: certificates, machine id, state
// directory, network namespace. Drops all capabilities meanwhile, as the worker has none. For
// --check-config, and at start before anything is loaded.
config::Findings CheckSettings(const Settings& settings);

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_CONFIG_SETTINGS_H_
