#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_BACKLOG_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_BACKLOG_H_

#include <cstdint>
#include <limits>

#include "absl/container/flat_hash_map.h"

#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// Which hosts have more to tell than was heard of them: their stream is broken, or what their spool
// held when they connected is not yet taken in. Each for a bounded time. What is known of paths is
// incomplete meanwhile (docs/decisions/0013). Not thread-safe.
class Backlog {
 public:
  // It has to connect first: what it has is not known.
  static constexpr uint64_t kUnconnected = std::numeric_limits<uint64_t>::max();

  // Until everything up to `sequence` is applied, or that time has come.
  void Expect(const model::HostId& host, uint64_t sequence, int64_t until_boot_ns) {
    expected_[host] = {sequence, until_boot_ns};
  }
  void Applied(const model::HostId& host, uint64_t sequence) {
    auto it = expected_.find(host);
    if (it != expected_.end() && sequence >= it->second.sequence) expected_.erase(it);
  }
  void Forget(const model::HostId& host) { expected_.erase(host); }

  // Whether anything is expected still. Forgets those whose time has come.
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
