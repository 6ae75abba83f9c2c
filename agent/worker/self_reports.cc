#include "agent/worker/self_reports.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "agent/host/host_facts.h"
#include "agent/host/version.h"
#include "core/base/kernel_release.h"
#include "core/base/log.h"

namespace hoptrail::agent {
namespace {

constexpr uint64_t kHealthAgainNs = 1'000'000'000;
// How long people see the degradation; hoptrail.v1.DegradationKind.
constexpr absl::Duration kLossLasts = absl::Minutes(10);
constexpr absl::Duration kStepLasts = absl::Hours(1);

}  // namespace

void SelfReports::ReportCoverage() {
  std::vector<model::SourceCoverage> sources = options_.coverage;
  for (model::SourceCoverage& source : sources) {
    if (source.source != "sshd decisions") continue;
    for (const std::string& program : silent_servers_) {
      source.misses.push_back(absl::StrCat("method and key of logins through ", program));
    }
  }
  options_.spool->Add(model::Coverage{options_.host, KernelRelease(), std::move(sources)});
}

void SelfReports::FindSilentServers() {
  std::set<std::string> programs = options_.silent_servers();
  if (programs == silent_servers_) return;
  for (const std::string& program : programs) {
    if (silent_servers_.count(program) != 0) continue;
    LogWarning("agent", "a login through ", program, " has shown neither method nor key");
  }
  silent_servers_ = std::move(programs);
  ReportCoverage();
}

void SelfReports::ReportHealth() {
  health_reported_boot_ns_ = options_.clock->BootNs();
  model::AgentHealth health;
  // Read before the list: the next report has one that begins meanwhile.
  reported_changes_ = options_.degradations->changes();
  health.degradations = options_.degradations->Current();
  health.host = options_.host;
  health.host_name = options_.host_name->name();
  health.agent_version = kVersion;
  health.started_wall_ns = started_wall_ns_;
  health.wall_ns = options_.clock->WallNs();
  health.events = options_.counts().events;
  health.lost = Lost();
  health.spooled = options_.spool->spooled();
  health.resident_bytes = ResidentBytes();
  health.addresses = InterfaceAddresses();
  options_.spool->Add(std::move(health));
}

void SelfReports::ReportInterference(model::InterferenceKind kind, const std::string& detail) {
  LogWarning("agent", detail);
  options_.spool->Add(model::Interference{options_.host, kind, detail, options_.clock->WallNs()});
}

void SelfReports::ReportDegradations() {
  if (options_.degradations->changes() == reported_changes_) return;
  if (options_.clock->BootNs() - health_reported_boot_ns_ >= kHealthAgainNs) ReportHealth();
}

void SelfReports::FindDegradations() {
  HeartbeatWatch& heartbeat = *options_.heartbeat;
  spool::Degradations& degradations = *options_.degradations;
  if (heartbeat.Missing(options_.clock->BootNs())) {
    const std::string what =
        "the kernel's events do not come any more: programs detached, or no time";
    ReportInterference(model::InterferenceKind::kBlind, what);
    degradations.Add(model::DegradationKind::kKernelDetached, what);
  } else if (!heartbeat.still_missing()) {
    degradations.Clear(model::DegradationKind::kKernelDetached);
  }
  if (const std::optional<absl::Duration> step = clock_step_.Take(); step.has_value()) {
    const std::string what = absl::StrCat(
        "the wall clock was set ", *step > absl::ZeroDuration() ? "forward" : "back", " by ",
        absl::FormatDuration(absl::Trunc(absl::AbsDuration(*step), absl::Seconds(1))));
    LogWarning("agent", what);
    degradations.Add(model::DegradationKind::kClockStepped, what, kStepLasts);
  }
  if (const uint64_t lost = Lost(); lost != lost_) {
    lost_ = lost;
    degradations.Add(model::DegradationKind::kLosingRecords,
                     absl::StrCat(lost, " records lost since the agent started"), kLossLasts);
  }
}

}  // namespace hoptrail::agent
