#ifndef HOPTRAIL_AGENT_UPLINK_BACK_OFF_H_
#define HOPTRAIL_AGENT_UPLINK_BACK_OFF_H_

#include "absl/random/random.h"
#include "absl/time/time.h"

namespace hoptrail::agent::uplink {

// The wait before the next attempt: doubles from 0.2 s to 10 s, each time varied by up to a
// quarter, so that a fleet does not come back to a collector in step. Not thread-safe.
class BackOff {
 public:
  static constexpr absl::Duration kFirst = absl::Milliseconds(200);
  static constexpr absl::Duration kLongest = absl::Seconds(10);

  absl::Duration Next() {
    const absl::Duration base = next_;
    next_ = std::min(next_ * 2, kLongest);
    return base * absl::Uniform(random_, 0.75, 1.25);
  }
  void Reset() { next_ = kFirst; }

 private:
  absl::Duration next_ = kFirst;
  absl::BitGen random_;
};

}  // namespace hoptrail::agent::uplink

#endif  // HOPTRAIL_AGENT_UPLINK_BACK_OFF_H_
