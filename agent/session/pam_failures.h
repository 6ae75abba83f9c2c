#ifndef HOPTRAIL_AGENT_SESSION_PAM_FAILURES_H_
#define HOPTRAIL_AGENT_SESSION_PAM_FAILURES_H_

#include <cstdint>

namespace hoptrail::agent::session {

// The refused passwords of one session that PAM has claimed and sshd has not yet. sshd logs a
// refused password after PAM has claimed it, and the two are one attempt. Not thread-safe.
class PamFailures {
 public:
  void Add(uint64_t boot_ns) {
    ++count_;
    latest_boot_ns_ = boot_ns;
  }

  // Whether sshd's claim at `boot_ns` repeats one of PAM's, which is then removed.
  bool TakeRepeated(uint64_t boot_ns) {
    if (count_ == 0 || boot_ns >= latest_boot_ns_ + kSameAttemptNs) return false;
    --count_;
    return true;
  }

 private:
  static constexpr uint64_t kSameAttemptNs = 15'000'000'000;

  uint32_t count_ = 0;
  uint64_t latest_boot_ns_ = 0;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_PAM_FAILURES_H_
