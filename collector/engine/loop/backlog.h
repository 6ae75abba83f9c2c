#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_BACKLOG_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_BACKLOG_H_

#include <cstdint>
#include <limits>

#include "absl/container/flat_hash_map.h"

#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// The hosts that have facts which the engine has not yet taken in: their stream is broken, or their
// spool held facts when they connected. Paths are incomplete meanwhile, so pages wait for these
// hosts, each for a bounded time (docs/decisions/0013). Not thread-safe.
class Backlog {
 public:
  // The longest that the first page of an incident waits for hosts with a backlog.
  static constexpr int64_t kMaxWaitNs = 30'000'000'000;
  // The extent of the backlog is unknown until the host connects.
  static constexpr uint64_t kUnconnected = std::numeric_limits<uint64_t>::max();

  // The host has a backlog until everything up to `sequence` is applied, or until that time.
  void Expect(const model::HostId& host, uint64_t sequence, int64_t until_boot_ns) {
    expected_[host] = {sequence, until_boot_ns};
  }
  void Applied(const model::HostId& host, uint64_t sequence) {
    auto it = expected_.find(host);
    if (it != expected_.end() && sequence >= it->second.sequence) expected_.erase(it);
  }
  void Forget(const model::HostId& host) { expected_.erase(host); }

  bool Expects(const model::HostId& host) const { return expected_.contains(host); }
  // Whether any host has a backlog. Forgets the hosts whose time is over.
  bool Any(int64_t now_boot_ns) {
    absl::erase_if(expected_, [now_boot_ns](const auto& entry) {
      return entry.second.until_boot_ns <= now_boot_ns;
    });
    return !expected_.empty();
  }

 private:
  struct Expected {
    uint64_t sequence = 0;
    int64_t until_boot_ns = 0;
  };
  absl::flat_hash_map<model::HostId, Expected> expected_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_BACKLOG_H_
