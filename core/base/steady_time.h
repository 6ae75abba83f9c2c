#ifndef HOPTRAIL_CORE_BASE_STEADY_TIME_H_
#define HOPTRAIL_CORE_BASE_STEADY_TIME_H_

#include "absl/time/time.h"

namespace hoptrail {

// A moment of CLOCK_MONOTONIC, which measures every deadline, timeout and interval inside one
// process. Nobody can set that clock, so no timer fires early or hangs because the wall clock was
// set forward or back; it stands still while the machine is suspended. Such a moment has no meaning
// for people, for other hosts and after a restart: use Clock::WallNs() there. A value; arithmetic
// saturates at the infinities as absl::Time's does.
class SteadyTime {
 public:
  // Long past.
  constexpr SteadyTime() = default;

  static SteadyTime Now();
  static constexpr SteadyTime InfinitePast() { return SteadyTime(); }
  static constexpr SteadyTime InfiniteFuture() { return SteadyTime(absl::InfiniteDuration()); }

  SteadyTime& operator+=(absl::Duration duration) {
    since_start_ += duration;
    return *this;
  }
  friend SteadyTime operator+(SteadyTime time, absl::Duration duration) { return time += duration; }
  friend absl::Duration operator-(SteadyTime a, SteadyTime b) {
    return a.since_start_ - b.since_start_;
  }
  friend constexpr bool operator==(SteadyTime a, SteadyTime b) {
    return a.since_start_ == b.since_start_;
  }
  friend constexpr bool operator<(SteadyTime a, SteadyTime b) {
    return a.since_start_ < b.since_start_;
  }
  friend constexpr bool operator>(SteadyTime a, SteadyTime b) { return b < a; }
  friend constexpr bool operator<=(SteadyTime a, SteadyTime b) { return !(b < a); }
  friend constexpr bool operator>=(SteadyTime a, SteadyTime b) { return !(a < b); }

 private:
  explicit constexpr SteadyTime(absl::Duration since_start) : since_start_(since_start) {}

  absl::Duration since_start_ = -absl::InfiniteDuration();
};

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_STEADY_TIME_H_
