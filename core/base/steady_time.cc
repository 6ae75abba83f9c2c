#include "core/base/steady_time.h"

#include <time.h>

namespace hoptrail {

SteadyTime SteadyTime::Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return SteadyTime(absl::DurationFromTimespec(now));
}

}  // namespace hoptrail
