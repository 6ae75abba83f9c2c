#ifndef HOPTRAIL_AGENT_APP_CLOCK_STEP_H_
#define HOPTRAIL_AGENT_APP_CLOCK_STEP_H_

#include <cstdint>
#include <optional>

#include "absl/time/time.h"

#include "core/base/clock.h"

namespace hoptrail::agent::app {

// Notices that the wall clock was set, by its distance from the boot clock: corrections that only
// make it run faster or slower move both alike. Small steps add up. One thread.
class ClockStepWatch {
 public:
  static constexpr absl::Duration kLeast = absl::Minutes(1);

  // The clock outlives this.
  explicit ClockStepWatch(const Clock* clock) : clock_(clock), distance_ns_(Distance()) {}

  // By how much it was set, forward or (negative) back, since it was told last; nothing where that
  // is less than kLeast.
  std::optional<absl::Duration> Take();

 private:
  int64_t Distance() const { return clock_->WallNs() - static_cast<int64_t>(clock_->BootNs()); }

  const Clock* const clock_;
  int64_t distance_ns_;
};

}  // namespace hoptrail::agent::app

#endif  // HOPTRAIL_AGENT_APP_CLOCK_STEP_H_
