// What the agent finds of itself, and what it tells again.

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "agent/app/agent.h"
#include "core/base/log.h"

namespace hoptrail::agent::app {
namespace {

constexpr uint64_t kHealthAgainNs = 1'000'000'000;
// How long people are told of it; hoptrail.v1.DegradationKind.
constexpr absl::Duration kLossLasts = absl::Minutes(10);
constexpr absl::Duration kStepLasts = absl::Hours(1);

}  // namespace

// What is told once, and what has not ended: without it the collector would know the host only by
// what happens from now on.
void Agent::RepeatIfLost() {
  if (!repeat_.exchange(false)) return;
  LogWarning("agent", "the collector has lost what it was told; telling anew what there is");
  TellCoverage();
  TellHealth();
  pipeline_->Repeat();
}

// At once, but no more than one a second should one come and go.
void Agent::TellDegradations() {
  if (degradations_.changes() == degradations_told_) return;
  if (clock_.BootNs() - health_told_boot_ns_ >= kHealthAgainNs) TellHealth();
}

void Agent::FindDegradations() {
  if (heartbeat_.Missing(clock_.BootNs())) {
    const std::string what =
        "the kernel's events do not come any more: programs detached, or no time";
    TellInterference(model::InterferenceKind::kBlind, what);
    degradations_.Add(model::DegradationKind::kKernelDetached, what);
  } else if (!heartbeat_.still_missing()) {
    degradations_.Clear(model::DegradationKind::kKernelDetached);
  }
  if (const std::optional<absl::Duration> step = clock_step_.Take(); step.has_value()) {
    const std::string what = absl::StrCat(
        "the wall clock was set ", *step > absl::ZeroDuration() ? "forward" : "back", " by ",
        absl::FormatDuration(absl::Trunc(absl::AbsDuration(*step), absl::Seconds(1))));
    LogWarning("agent", what);
    degradations_.Add(model::DegradationKind::kClockStepped, what, kStepLasts);
  }
  if (const uint64_t lost = Lost(); lost != lost_) {
    lost_ = lost;
    degradations_.Add(model::DegradationKind::kLosingRecords,
                      absl::StrCat(lost, " records lost since the agent started"), kLossLasts);
  }
}

}  // namespace hoptrail::agent::app
