#ifndef HOPTRAIL_AGENT_APP_SETTINGS_H_
#define HOPTRAIL_AGENT_APP_SETTINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "agent/detect/brute_force.h"
#include "agent/detect/pivot.h"
#include "agent/kernel/sensor.h"
#include "core/base/log.h"
#include "core/config/findings.h"
#include "core/config/key_places.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::agent::app {

// The configuration file with its defaults filled in and each part in its stage's own terms.
struct Settings {
  std::string file;             // that it was read from
  std::string host_name;        // empty: the system's
  std::string machine_id_file;  // "/etc/machine-id"
  std::string state_directory;
  std::string network_namespace;  // "self", a path, or empty: the whole host
  v1::CollectorAddress collector;
  kernel::SensorOptions sensor;  // but for the scope, which takes a look at the namespace
  detect::PivotOptions pivot;
  detect::BruteForceOptions brute_force;
  std::vector<uint16_t> watched_ports;
  uint64_t spool_bytes = 0;
  LogLevel log_level = LogLevel::kInfo;
  config::KeyPlaces places;  // where its keys stand, for messages
};

// Reads and checks the file, but not the files that it names. Errors are for the operator and name
// the file, the line and the key.
absl::StatusOr<Settings> LoadSettings(const std::string& path);

// The same for the file's text at hand; `path` takes its place in messages.
absl::StatusOr<Settings> ParseSettings(absl::string_view text, const std::string& path);

// Looks at what the file names, with no capability, as the worker will: certificates, machine id,
// state directory, network namespace. For --check-config, and before anything is loaded.
config::Findings CheckSettings(const Settings& settings);

}  // namespace hoptrail::agent::app

#endif  // HOPTRAIL_AGENT_APP_SETTINGS_H_
