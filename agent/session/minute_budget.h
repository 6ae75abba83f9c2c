#ifndef HOPTRAIL_AGENT_SESSION_MINUTE_BUDGET_H_
#define HOPTRAIL_AGENT_SESSION_MINUTE_BUDGET_H_

#include <cstdint>

namespace hoptrail::agent::session {

// Limits how often something may happen in a minute. A minute begins with the first use after the
// previous one is over. Times are nanoseconds since boot. Not thread-safe.
class MinuteBudget {
 public:
  // Counts one use; false if this minute has had `limit` uses already.
  bool Take(uint64_t now_boot_ns, uint32_t limit) {
    if (now_boot_ns >= until_boot_ns_) {
      until_boot_ns_ = now_boot_ns + kMinuteNs;
      used_ = 0;
    }
    if (used_ >= limit) return false;
    ++used_;
    return true;
  }

 private:
  static constexpr uint64_t kMinuteNs = 60'000'000'000;

  uint64_t until_boot_ns_ = 0;
  uint32_t used_ = 0;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_MINUTE_BUDGET_H_
