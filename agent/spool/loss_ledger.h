#ifndef HOPTRAIL_AGENT_SPOOL_LOSS_LEDGER_H_
#define HOPTRAIL_AGENT_SPOOL_LOSS_LEDGER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"

#include "core/base/mutex.h"
#include "core/model/fact.h"

namespace hoptrail::agent::spool {

// Losses that are not reported yet. Every loss is added where it happens, and later taken out as
// facts, one for each place and kind. Thread-safe; bounded by the number of places and kinds.
class LossLedger {
 public:
  // `on_first` is called on the thread that adds to an empty ledger.
  explicit LossLedger(const model::HostId& host, std::function<void()> on_first = {})
      : host_(host), on_first_(std::move(on_first)) {}

  void Add(const std::string& where, const std::string& type, uint64_t count, int64_t wall_ns);
  std::vector<model::Loss> Take(int64_t wall_ns);
  bool empty() const;

  // All that was ever added.
  uint64_t total() const { return total_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    uint64_t count = 0;
    int64_t from_wall_ns = 0;
  };

  const model::HostId host_;
  const std::function<void()> on_first_;
  std::atomic<uint64_t> total_{0};
  mutable Mutex mutex_;
  std::map<std::tuple<std::string, std::string>, Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_LOSS_LEDGER_H_
