#ifndef HOPTRAIL_AGENT_WORKER_CLOCK_STEP_H_
#define HOPTRAIL_AGENT_WORKER_CLOCK_STEP_H_

#include <cstdint>
#include <optional>

#include "absl/time/time.h"

#include "core/base/clock.h"

namespace hoptrail::agent {

// Notices that the wall clock was set, by its distance from the boot clock: corrections that only
// make a clock run faster or slower apply to both. Small steps add up. One thread.
class ClockStepWatch {
 public:
  static constexpr absl::Duration kLeast = absl::Minutes(1);

  // The clock outlives this.
  explicit ClockStepWatch(const Clock* clock) : clock_(clock), distance_ns_(Distance()) {}

  // By how much the clock was set, forward or (negative) back, since the last step that this
  // returned; nothing where that is less than kLeast.
  std::optional<absl::Duration> Take();

 private:
  int64_t Distance() const { return clock_->WallNs() - static_cast<int64_t>(clock_->BootNs()); }

  const Clock* const clock_;
  int64_t distance_ns_;
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_WORKER_CLOCK_STEP_H_
