#include "agent/app/clock_step.h"

namespace hoptrail::agent::app {

std::optional<absl::Duration> ClockStepWatch::Take() {
  const int64_t distance_ns = Distance();
  const absl::Duration step = absl::Nanoseconds(distance_ns) - absl::Nanoseconds(distance_ns_);
  if (absl::AbsDuration(step) < kLeast) return std::nullopt;
  distance_ns_ = distance_ns;
  return step;
}

}  // namespace hoptrail::agent::app
