#ifndef HOPTRAIL_AGENT_WORKER_HEARTBEAT_H_
#define HOPTRAIL_AGENT_WORKER_HEARTBEAT_H_

#include <cstdint>

#include "agent/decode/event.h"

namespace hoptrail::agent {

// Watches for the loader's heartbeats, children that it forks every two seconds, among the kernel
// events. Where they stop, the programs are detached, the loader hangs, or the agent gets no CPU
// time. One thread.
class HeartbeatWatch {
 public:
  static constexpr uint64_t kMissingAfterNs = 10'000'000'000;
  // The longest time between two calls of Missing() that counts: in a longer one the machine was
  // suspended, or Missing() was not called.
  static constexpr uint64_t kCountedAtOnceNs = 3'000'000'000;

  // The first heartbeat is due from then on. Without this call, or with 0, none is missing before
  // one was seen: the agent may watch a network namespace that the loader is not in, or have no
  // fork hook.
  void ExpectFrom(uint64_t boot_ns) { last_boot_ns_ = asked_boot_ns_ = boot_ns; }
  void Handle(const decode::Event& event);
  // True, once, when heartbeats have been missing for kMissingAfterNs; call it about once a second.
  // `now_boot_ns`: all events up to then were handled.
  bool Missing(uint64_t now_boot_ns);
  // The time of the last heartbeat; 0: there was none.
  uint64_t last_seen_boot_ns() const { return seen_boot_ns_; }
  // Heartbeats are still missing.
  bool still_missing() const { return reported_; }

 private:
  uint64_t last_boot_ns_ = 0;  // 0: none is expected yet
  uint64_t seen_boot_ns_ = 0;
  uint64_t asked_boot_ns_ = 0;  // at the last call of Missing()
  uint64_t missing_ns_ = 0;     // counted since the last heartbeat, up to that call
  bool reported_ = false;       // Missing() has returned true since
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_WORKER_HEARTBEAT_H_
