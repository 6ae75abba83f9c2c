#include "agent/config/settings.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "agent/host/host_facts.h"
#include "agent/privilege/capabilities.h"
#include "core/base/status_macros.h"
#include "core/config/address.h"
#include "core/config/file_checks.h"
#include "core/config/tls_check.h"
#include "core/config/yaml_file.h"

namespace hoptrail::agent {
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

absl::StatusOr<uint32_t> RingBytes(const config::KeyPlaces& places, absl::string_view key,
                                   uint32_t kib, uint32_t default_kib) {
  if (kib == 0) return default_kib * 1024;
  if ((kib & (kib - 1)) != 0 || kib < kLeastRingKib || kib > (uint32_t{1} << 20)) {
    return places.Fault(key, absl::StrCat("must be a power of two, at least ", kLeastRingKib));
  }
  return kib * 1024;
}

template <typename Paths>
absl::StatusOr<std::vector<std::string>> WatchedPaths(const config::KeyPlaces& places,
                                                      absl::string_view key, const Paths& paths) {
  for (int i = 0; i < paths.size(); ++i) {
    // ".." may lead to another directory under another mount root.
    const std::string& path = paths[i];
    if (!absl::StartsWith(path, "/") || absl::StrContains(absl::StrCat(path, "/"), "/../")) {
      return places.Fault(absl::StrCat(key, "[", i, "]"),
                          absl::StrCat("\"", path, "\": must be an absolute path without \"..\""));
    }
  }
  return std::vector<std::string>(paths.begin(), paths.end());
}

absl::Status CheckCollector(const config::KeyPlaces& places,
                            const v1::CollectorAddress& collector) {
  const absl::StatusOr<config::Address> address =
      config::ParseAddress(collector.address(), config::AddressUse::kConnect);
  if (!address.ok()) return places.Fault("collector.address", address.status().message());
  if (address->is_unix() == collector.has_tls()) {
    return places.Fault("collector.tls",
                        address->is_unix()
                            ? "does not go with a UNIX socket, which is spoken to in plain text"
                            : "required, since collector.address is no UNIX socket");
  }
  return absl::OkStatus();
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

absl::StatusOr<Settings> FromConfig(const v1::AgentConfig& config, config::KeyPlaces key_places,
                                    const std::string& path) {
  Settings settings;
  settings.file = path;
  settings.places = std::move(key_places);
  const config::KeyPlaces& places = settings.places;
  settings.host_name = config.host().name();
  settings.machine_id_file =
      config.host().machine_id_file().empty() ? kMachineIdFile : config.host().machine_id_file();
  settings.state_directory = config.state_directory();
  settings.network_namespace = config.scope().network_namespace();
  settings.collector = config.collector();
  HT_RETURN_IF_ERROR(CheckCollector(places, config.collector()));
  if (!absl::StartsWith(settings.state_directory, "/")) {
    return places.Fault("state_directory", absl::StrCat("\"", settings.state_directory,
                                                        "\": must be an absolute path"));
  }
  settings.watched_ports = PortsOr(config.hops().watched_ports(), {22});
  settings.sensor.watched_ports = settings.watched_ports;
  settings.sensor.syscall_hooks = Hooks(config.kernel().syscall_hooks());
  HT_ASSIGN_OR_RETURN(settings.sensor.high_ring_bytes,
                      RingBytes(places, "kernel.high_ring_kib", config.kernel().high_ring_kib(),
                                kDefaultHighRingKib));
  HT_ASSIGN_OR_RETURN(
      settings.sensor.low_ring_bytes,
      RingBytes(places, "kernel.low_ring_kib", config.kernel().low_ring_kib(), kDefaultLowRingKib));
  settings.sensor.watch = kernel::DefaultWatch();
  if (config.kernel().has_watch()) {
    HT_ASSIGN_OR_RETURN(settings.sensor.watch.reads, WatchedPaths(places, "kernel.watch.reads",
                                                                  config.kernel().watch().reads()));
    HT_ASSIGN_OR_RETURN(
        settings.sensor.watch.writes,
        WatchedPaths(places, "kernel.watch.writes", config.kernel().watch().writes()));
  }
  settings.rules = config.rules();
  uint32_t spool_mib = kDefaultSpoolMib;
  SetUnlessZero(config.spool().max_mib(), &spool_mib);
  settings.spool_bytes = uint64_t{spool_mib} << 20;
  settings.log_level = Level(config.log_level());
  return settings;
}

}  // namespace

absl::StatusOr<Settings> LoadSettings(const std::string& path) {
  v1::AgentConfig config;
  config::KeyPlaces places;
  HT_RETURN_IF_ERROR(config::LoadYaml(path, &config, &places));
  return FromConfig(config, std::move(places), path);
}

absl::StatusOr<Settings> ParseSettings(absl::string_view text, const std::string& path) {
  v1::AgentConfig config;
  config::KeyPlaces places;
  HT_RETURN_IF_ERROR(config::ParseYaml(text, path, &config, &places));
  return FromConfig(config, std::move(places), path);
}

config::Findings CheckSettings(const Settings& settings) {
  using config::Weight;
  config::Findings findings(settings.places);
  const privilege::WithoutCapabilities as_the_worker;
  const absl::StatusOr<model::HostId> host = ReadHostId(settings.machine_id_file);
  findings.Add(Weight::kError, "host.machine_id_file", host.status());
  if (settings.collector.has_tls()) {
    config::CheckTlsFiles(settings.collector.tls(),
                          {.machine = host.ok() ? host->machine : model::MachineId()},
                          "collector.tls", &findings);
  }
  findings.Add(Weight::kPassing, "state_directory",
               config::CheckWritableDirectory(settings.state_directory));
  if (!settings.network_namespace.empty()) {
    findings.Add(Weight::kError, "scope.network_namespace",
                 NetworkNamespaceInode(settings.network_namespace).status());
  }
  return findings;
}
}  // namespace hoptrail::agent
