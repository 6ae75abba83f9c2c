#ifndef HOPTRAIL_AGENT_APP_HEARTBEAT_H_
#define HOPTRAIL_AGENT_APP_HEARTBEAT_H_

#include <cstdint>

#include "agent/decode/event.h"

namespace hoptrail::agent::app {

// Watches for the loader's heartbeats, children that it forks every two seconds, among the kernel's
// events. Where they stop, the programs are detached, the loader hangs, or the agent gets no time.
// One thread.
class HeartbeatWatch {
 public:
  static constexpr uint64_t kMissingAfterNs = 10'000'000'000;
  // What counts at most of the time between two calls of Missing(): more, and the machine was
  // suspended, or nobody asked.
  static constexpr uint64_t kCountedAtOnceNs = 3'000'000'000;

  // The first may be missed from then on; 0: not before one was seen, because the agent may watch a
  // network namespace that the loader is not in, or forks may be what it is blind for.
  void ExpectFrom(uint64_t boot_ns) { last_boot_ns_ = asked_boot_ns_ = boot_ns; }
  void Handle(const decode::Event& event);
  // True once when they have been missing for long; ask about once a second. `now_boot_ns`:
  // everything up to then was handled.
  bool Missing(uint64_t now_boot_ns);
  // When the last came; 0: none has.
  uint64_t last_seen_boot_ns() const { return seen_boot_ns_; }
  // They still are.
  bool still_missing() const { return told_; }

 private:
  uint64_t last_boot_ns_ = 0;  // 0: none is expected yet
  uint64_t seen_boot_ns_ = 0;
  uint64_t asked_boot_ns_ = 0;  // when Missing() was asked last
  uint64_t missing_ns_ = 0;     // counted since the last one, up to then
  bool told_ = false;
};

}  // namespace hoptrail::agent::app

#endif  // HOPTRAIL_AGENT_APP_HEARTBEAT_H_
