#include "collector/app/options.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "collector/notify/pagerduty/pagerduty.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/config/address.h"
#include "core/config/file_checks.h"
#include "core/config/tls_check.h"
#include "core/config/yaml_file.h"
#include "core/model/ip_prefix.h"
#include "core/model/names.h"

namespace hoptrail::collector::app {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

absl::StatusOr<model::Severity> ParseSeverity(const std::string& text) {
  using model::Severity;
  if (text.empty()) return Severity::kMedium;
  for (Severity severity :
       {Severity::kInfo, Severity::kLow, Severity::kMedium, Severity::kHigh, Severity::kCritical}) {
    if (model::ToString(severity) == text) return severity;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is none of info, low, medium, high, critical"));
}

template <typename T>
T OrDefault(T value, T fallback) {
  return value == 0 ? fallback : value;
}

absl::Status CheckListen(const v1::CollectorConfig& config, const config::KeyPlaces& places) {
  std::vector<config::Address> addresses;
  for (int i = 0; i < config.listen_size(); ++i) {
    const v1::ListenConfig& listen = config.listen(i);
    const std::string key = absl::StrCat("listen[", i, "]");
    const absl::StatusOr<config::Address> address =
        config::ParseAddress(listen.address(), config::AddressUse::kListen);
    if (!address.ok()) return places.Fault(key + ".address", address.status().message());
    if (address->is_unix() == listen.has_tls()) {
      return places.Fault(key + ".tls",
                          address->is_unix()
                              ? "tls does not go with a UNIX socket"
                              : "tls is required; plain text is for unix: sockets only");
    }
    for (size_t other = 0; other < addresses.size(); ++other) {
      if (!config::Overlap(*address, addresses[other])) continue;
      return places.Fault(key + ".address",
                          absl::StrCat("'", listen.address(), "' is taken by listen[", other,
                                       "], '", config::ToString(addresses[other]), "'"));
    }
    addresses.push_back(*address);
  }
  return absl::OkStatus();
}

// Wider networks are a mistake: they would make half of the Internet a part of the fleet.
constexpr int kLeastBits = 8;
constexpr int kMaxTranslations = 1024;

absl::StatusOr<std::vector<model::IpPrefix>> ParseTranslations(const v1::NetworkConfig& network,
                                                               const config::KeyPlaces& places) {
  std::vector<model::IpPrefix> prefixes;
  if (network.translated_addresses_size() > kMaxTranslations) {
    return places.Fault("network.translated_addresses",
                        absl::StrCat("has more than ", kMaxTranslations, " entries"));
  }
  for (int i = 0; i < network.translated_addresses_size(); ++i) {
    const std::string key = absl::StrCat("network.translated_addresses[", i, "]");
    const auto prefix = model::ParseIpPrefix(network.translated_addresses(i));
    if (!prefix.ok()) return places.Fault(key, prefix.status().message());
    if (prefix->bits < kLeastBits + (prefix->address.is_v4() ? 96 : 0)) {
      return places.Fault(key, absl::StrCat("'", network.translated_addresses(i),
                                            "' is too wide: at least /", kLeastBits));
    }
    prefixes.push_back(*prefix);
  }
  return prefixes;
}

std::string Parent(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

}  // namespace

absl::StatusOr<Options> LoadOptions(const std::string& path) {
  Options options;
  HT_RETURN_IF_ERROR(config::LoadYaml(path, &options.config, &options.places));
  const v1::CollectorConfig& config = options.config;
  HT_RETURN_IF_ERROR(CheckListen(config, options.places));
  if (!absl::StartsWith(config.store().path(), "/")) {
    return options.places.Fault("store.path", "must be an absolute path");
  }
  const std::string& json_output = config.json_output();
  if (!json_output.empty() && json_output != "-" && !absl::StartsWith(json_output, "/")) {
    return options.places.Fault("json_output",
                                "must be an absolute path, or - for standard output");
  }
  if (json_output == config.store().path()) {
    return options.places.Fault("json_output", "is the store's own file");
  }
  absl::StatusOr<model::Severity> severity = ParseSeverity(config.incidents().minimum_severity());
  if (!severity.ok()) {
    return options.places.Fault("incidents.minimum_severity", severity.status().message());
  }
  options.engine.minimum_severity = *severity;

  HT_ASSIGN_OR_RETURN(options.engine.translations,
                      ParseTranslations(config.network(), options.places));
  options.engine.rules = config.rules();
  options.loop.heartbeat_timeout_ns =
      OrDefault(config.rules().blinding().silent_seconds(), 10u) * kSecondNs;

  options.loop.silent_after_ns = OrDefault(config.silent_after_seconds(), 60u) * kSecondNs;
  options.store.path = config.store().path();
  options.store.retention.max_age_ns =
      int64_t{OrDefault(config.store().retention_days(), 30u)} * 24 * 3600 * kSecondNs;
  options.store.retention.max_bytes = int64_t{OrDefault(config.store().max_mib(), 4096u)} << 20;
  options.store.writer.notify = config.has_pagerduty();
  // The engine must not remember what the store has removed.
  options.engine.retention_ns =
      std::min(options.engine.retention_ns, options.store.retention.max_age_ns);
  return options;
}

void SetLogLevelOf(const v1::CollectorConfig& config) {
  switch (config.log_level()) {
    case v1::debug:
      return SetLogLevel(LogLevel::kDebug);
    case v1::warning:
      return SetLogLevel(LogLevel::kWarning);
    case v1::error:
      return SetLogLevel(LogLevel::kError);
    default:
      return SetLogLevel(LogLevel::kInfo);
  }
}

config::Findings FindFaults(const Options& options) {
  using config::Weight;
  const v1::CollectorConfig& config = options.config;
  config::Findings findings(options.places);
  for (int i = 0; i < config.listen_size(); ++i) {
    const v1::ListenConfig& listen = config.listen(i);
    const std::string key = absl::StrCat("listen[", i, "]");
    const auto address = config::ParseAddress(listen.address(), config::AddressUse::kListen);
    if (address.ok() && address->is_unix()) {
      const std::string directory = Parent(address->socket_path);
      absl::Status status = config::CheckWritableDirectory(directory);
      // Nothing creates this one.
      if (status.ok() && !std::filesystem::is_directory(directory)) {
        status = absl::NotFoundError(absl::StrCat(directory, ": is no directory: make it"));
      }
      findings.Add(Weight::kPassing, key + ".address", status);
    }
    if (listen.has_tls()) {
      config::CheckTlsFiles(listen.tls(), {.server = true}, key + ".tls", &findings);
    }
  }
  absl::Status store = config::CheckWritableDirectory(Parent(config.store().path()));
  if (store.ok()) store = config::CheckWritableFile(config.store().path());
  findings.Add(Weight::kPassing, "store.path", store);
  if (config.has_pagerduty()) {
    const std::string& file = config.pagerduty().routing_key_file();
    findings.Add(Weight::kError, "pagerduty",
                 notify::PagerDutyOptions(config.pagerduty()).status());
    if (config::IsOpenToOthers(file)) {
      findings.Add(Weight::kWarning, "pagerduty.routing_key_file",
                   absl::StrCat(file, ": other users may read it: chmod o= ", file));
    }
  }
  if (!config.json_output().empty() && config.json_output() != "-") {
    // Unlike the store's, its directory is not created.
    absl::Status status = config::CheckWritableFile(config.json_output());
    if (const std::string directory = Parent(config.json_output());
        status.ok() && !std::filesystem::is_directory(directory)) {
      status = absl::NotFoundError(absl::StrCat(directory, ": is no directory: make it"));
    }
    if (status.ok() && std::filesystem::is_fifo(config.json_output())) {
      status = absl::FailedPreconditionError(
          absl::StrCat(config.json_output(), ": is a FIFO; lines go to a file"));
    }
    findings.Add(Weight::kPassing, "json_output", status);
  }
  return findings;
}

absl::Status CheckFiles(const Options& options) {
  return FindFaults(options).FirstOf(config::Weight::kPassing);
}

}  // namespace hoptrail::collector::app
