#include "collector/app/options.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/config/credentials.h"
#include "core/config/yaml_file.h"
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
  return absl::InvalidArgumentError(absl::StrCat("incidents.minimum_severity: '", text,
                                                 "' is none of info, low, medium, high, critical"));
}

template <typename T>
T OrDefault(T value, T fallback) {
  return value == 0 ? fallback : value;
}

absl::Status CheckListen(const v1::CollectorConfig& config) {
  for (const v1::ListenConfig& listen : config.listen()) {
    if (config::IsUnixAddress(listen.address())) {
      if (listen.has_tls()) {
        return absl::InvalidArgumentError(
            absl::StrCat("listen ", listen.address(), ": tls does not go with a UNIX socket"));
      }
      continue;
    }
    if (!listen.has_tls()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "listen ", listen.address(), ": tls is required; plain text is for unix: sockets only"));
    }
    if (listen.address().rfind(':') == std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("listen ", listen.address(), ": not of the form address:port"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Options> LoadOptions(const std::string& path) {
  Options options;
  HT_RETURN_IF_ERROR(config::LoadYaml(path, &options.config));
  const v1::CollectorConfig& config = options.config;
  absl::Status status = CheckListen(config);
  if (!status.ok()) return Annotate(status, path);
  absl::StatusOr<model::Severity> severity = ParseSeverity(config.incidents().minimum_severity());
  if (!severity.ok()) return Annotate(severity.status(), path);
  options.engine.minimum_severity = *severity;

  path::RuleOptions& rules = options.engine.rules;
  rules.multi_hop = !config.rules().multi_hop().disabled();
  rules.multi_hop_depth = OrDefault(config.rules().multi_hop().depth(), rules.multi_hop_depth);
  rules.credential_switch = !config.rules().credential_switch().disabled();
  rules.spread = !config.rules().spread().disabled();
  rules.spread_hosts = OrDefault(config.rules().spread().hosts(), rules.spread_hosts);
  rules.spread_window_seconds =
      OrDefault(config.rules().spread().window_seconds(), rules.spread_window_seconds);
  rules.blinding = !config.rules().blinding().disabled();
  options.loop.unheard_after_ns =
      OrDefault(config.rules().blinding().silent_seconds(), 10u) * kSecondNs;

  options.loop.silent_after_ns = OrDefault(config.silent_after_seconds(), 60u) * kSecondNs;
  options.store.path = config.store().path();
  options.store.retention.max_age_ns =
      int64_t{OrDefault(config.store().retention_days(), 30u)} * 24 * 3600 * kSecondNs;
  options.store.retention.max_bytes = int64_t{OrDefault(config.store().max_mib(), 4096u)} << 20;
  options.store.writer.notify = config.has_pagerduty();
  // Nothing is remembered that the store has removed.
  options.engine.retention_ns =
      std::min(options.engine.retention_ns, options.store.retention.max_age_ns);
  return options;
}

absl::StatusOr<notify::PagerDuty::Options> PagerDutyOptions(const v1::PagerDutyConfig& config) {
  notify::PagerDuty::Options options;
  if (!config.endpoint().empty()) options.endpoint = config.endpoint();
  options.client_url = config.client_url();
  absl::Status status = notify::CheckEndpoint(options.endpoint);
  if (!status.ok()) return Annotate(status, "pagerduty.endpoint");
  HT_ASSIGN_OR_RETURN(options.routing_key, notify::ReadRoutingKey(config.routing_key_file()));
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

absl::Status CheckFiles(const Options& options) {
  for (const v1::ListenConfig& listen : options.config.listen()) {
    if (!listen.has_tls()) continue;
    absl::Status status = config::CheckTls(listen.tls());
    if (!status.ok()) return Annotate(status, absl::StrCat("listen ", listen.address()));
  }
  if (options.config.has_pagerduty()) {
    HT_RETURN_IF_ERROR(PagerDutyOptions(options.config.pagerduty()).status());
  }
  return absl::OkStatus();
}

}  // namespace hoptrail::collector::app
