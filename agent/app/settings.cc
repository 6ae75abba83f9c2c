#include "agent/app/settings.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "core/base/status_macros.h"
#include "core/config/credentials.h"
#include "core/config/yaml_file.h"

namespace hoptrail::agent::app {
namespace {

constexpr uint32_t kDefaultHighRingKib = 4096;
constexpr uint32_t kDefaultLowRingKib = 8192;
constexpr uint32_t kLeastRingKib = 4;
constexpr uint32_t kDefaultSpoolMib = 256;
constexpr char kMachineIdFile[] = "/etc/machine-id";

template <typename Ports>
std::vector<uint16_t> PortsOr(const Ports& ports, std::vector<uint16_t> defaults) {
  if (ports.empty()) return defaults;
  return {ports.begin(), ports.end()};
}

absl::StatusOr<uint32_t> RingBytes(const std::string& file, absl::string_view key, uint32_t kib,
                                   uint32_t default_kib) {
  if (kib == 0) return default_kib * 1024;
  if ((kib & (kib - 1)) != 0 || kib < kLeastRingKib || kib > (uint32_t{1} << 20)) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": kernel.", key, ": must be a power of two, at least ", kLeastRingKib));
  }
  return kib * 1024;
}

template <typename Paths>
absl::StatusOr<std::vector<std::string>> WatchedPaths(const std::string& file,
                                                      absl::string_view key, const Paths& paths) {
  for (const std::string& path : paths) {
    // What is above a folder is another folder in another view.
    if (!absl::StartsWith(path, "/") || absl::StrContains(absl::StrCat(path, "/"), "/../")) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ": kernel.watch.", key, ": \"", path,
                       "\": must be an absolute path without \"..\""));
    }
  }
  return std::vector<std::string>(paths.begin(), paths.end());
}

LogLevel Level(v1::LogSeverity severity) {
  switch (severity) {
    case v1::debug:
      return LogLevel::kDebug;
    case v1::warning:
      return LogLevel::kWarning;
    case v1::error:
      return LogLevel::kError;
    default:
      return LogLevel::kInfo;
  }
}

kernel::SyscallHooks Hooks(v1::SyscallHooks hooks) {
  switch (hooks) {
    case v1::never:
      return kernel::SyscallHooks::kNever;
    case v1::always:
      return kernel::SyscallHooks::kAlways;
    default:
      return kernel::SyscallHooks::kAuto;
  }
}

template <typename T>
void SetUnlessZero(T value, T* out) {
  if (value != 0) *out = value;
}

absl::StatusOr<Settings> FromConfig(const v1::AgentConfig& config, const std::string& path) {
  Settings settings;
  settings.file = path;
  settings.host_name = config.host().name();
  settings.machine_id_file =
      config.host().machine_id_file().empty() ? kMachineIdFile : config.host().machine_id_file();
  settings.state_directory = config.state_directory();
  settings.network_namespace = config.scope().network_namespace();
  settings.collector = config.collector();
  if (!config.collector().has_tls() && !config::IsUnixAddress(config.collector().address())) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": collector.tls: required, since collector.address is no UNIX socket"));
  }
  settings.watched_ports = PortsOr(config.hops().watched_ports(), {22});
  settings.sensor.watched_ports = settings.watched_ports;
  settings.sensor.syscall_hooks = Hooks(config.kernel().syscall_hooks());
  HT_ASSIGN_OR_RETURN(
      settings.sensor.high_ring_bytes,
      RingBytes(path, "high_ring_kib", config.kernel().high_ring_kib(), kDefaultHighRingKib));
  HT_ASSIGN_OR_RETURN(
      settings.sensor.low_ring_bytes,
      RingBytes(path, "low_ring_kib", config.kernel().low_ring_kib(), kDefaultLowRingKib));
  settings.sensor.watch = kernel::DefaultWatch();
  if (config.kernel().has_watch()) {
    HT_ASSIGN_OR_RETURN(settings.sensor.watch.reads,
                        WatchedPaths(path, "reads", config.kernel().watch().reads()));
    HT_ASSIGN_OR_RETURN(settings.sensor.watch.writes,
                        WatchedPaths(path, "writes", config.kernel().watch().writes()));
  }
  settings.pivot.disabled = config.rules().pivot().disabled();
  settings.pivot.ports = PortsOr(config.rules().pivot().ports(), settings.pivot.ports);
  const v1::BruteForceConfig& brute_force = config.rules().brute_force();
  settings.brute_force.disabled = brute_force.disabled();
  SetUnlessZero(brute_force.failures_before_success(),
                &settings.brute_force.failures_before_success);
  SetUnlessZero(brute_force.failures_alone(), &settings.brute_force.failures_alone);
  SetUnlessZero(brute_force.window_seconds(), &settings.brute_force.window_seconds);
  uint32_t spool_mib = kDefaultSpoolMib;
  SetUnlessZero(config.spool().max_mib(), &spool_mib);
  settings.spool_bytes = uint64_t{spool_mib} << 20;
  settings.log_level = Level(config.log_level());
  return settings;
}

}  // namespace

absl::StatusOr<Settings> LoadSettings(const std::string& path) {
  v1::AgentConfig config;
  HT_RETURN_IF_ERROR(config::LoadYaml(path, &config));
  return FromConfig(config, path);
}

absl::StatusOr<Settings> ParseSettings(absl::string_view text, const std::string& path) {
  v1::AgentConfig config;
  HT_RETURN_IF_ERROR(config::ParseYaml(text, path, &config));
  return FromConfig(config, path);
}

}  // namespace hoptrail::agent::app
