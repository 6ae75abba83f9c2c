#ifndef HOPTRAIL_AGENT_SPOOL_DEGRADATIONS_H_
#define HOPTRAIL_AGENT_SPOOL_DEGRADATIONS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/model/fact.h"

namespace hoptrail::agent::spool {

// The agent's present degradations. The code that finds one adds it, and clears it once it is over;
// the agent's health report carries them. At most one of a kind, so that the list is bounded.
// Thread-safe.
class Degradations {
 public:
  // `on_change` is called without a lock held, on the thread that makes one begin or end; it must
  // not block. The clock outlives this.
  explicit Degradations(std::function<void()> on_change = {}, const Clock* clock = &Clock::System())
      : on_change_(std::move(on_change)), clock_(clock) {}
  Degradations(const Degradations&) = delete;
  Degradations& operator=(const Degradations&) = delete;

  // The degradation begins, or continues: `detail` replaces the earlier one, the time of the
  // beginning stays. It ends by itself `lasts` after the latest call.
  void Add(model::DegradationKind kind, const std::string& detail,
           absl::Duration lasts = absl::InfiniteDuration());
  // The degradation is over, if there was one.
  void Clear(model::DegradationKind kind);

  // The present ones, in the order of their kinds.
  std::vector<model::Degradation> Current();

  // Grows each time that one begins or ends, also by itself: the list must then be reported.
  uint64_t changes();

 private:
  struct Entry {
    std::string detail;
    int64_t since_wall_ns = 0;
    uint64_t until_boot_ns = 0;
  };

  void Expire() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<void()> on_change_;
  const Clock* const clock_;
  Mutex mutex_;
  std::map<model::DegradationKind, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  uint64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_DEGRADATIONS_H_
