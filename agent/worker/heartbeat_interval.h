#ifndef HOPTRAIL_AGENT_WORKER_HEARTBEAT_INTERVAL_H_
#define HOPTRAIL_AGENT_WORKER_HEARTBEAT_INTERVAL_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"

#include "core/base/clock.h"

namespace hoptrail::agent {

// The interval of the uplink's heartbeats to the collector. They are to show that the thread that
// handles events works, not only the uplink's: so there are none while that thread stands still.
// Thread-safe.
class HeartbeatInterval {
 public:
  static constexpr absl::Duration kOccupied = absl::Seconds(1);
  static constexpr absl::Duration kIdle = absl::Seconds(5);
  static constexpr uint64_t kStalledAfterNs = 5'000'000'000;

  // `clock` outlives this.
  explicit HeartbeatInterval(const Clock* clock) : clock_(*clock) {}

  // The thread that handles events begins a round.
  void OnRound() { round_boot_ns_ = clock_.BootNs(); }
  // Whether somebody is logged in. True where that has changed.
  bool SetOccupied(bool occupied) { return occupied_.exchange(occupied) != occupied; }

  // Infinite while the thread stands still.
  absl::Duration Get() const {
    if (clock_.BootNs() - round_boot_ns_ > kStalledAfterNs) return absl::InfiniteDuration();
    return occupied_ ? kOccupied : kIdle;
  }

 private:
  const Clock& clock_;
  std::atomic<uint64_t> round_boot_ns_{0};
  std::atomic<bool> occupied_{false};
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_WORKER_HEARTBEAT_INTERVAL_H_
