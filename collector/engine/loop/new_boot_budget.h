#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_NEW_BOOT_BUDGET_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_NEW_BOOT_BUDGET_H_

#include <cstdint>

#include "absl/container/flat_hash_map.h"

#include "core/base/token_bucket.h"
#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// How many boots that the collector does not know yet a machine may still bring: eight at once, and
// one more each minute. A machine that restarts all the time gets in at a later try. Not
// thread-safe.
class NewBootBudget {
 public:
  static constexpr int kAtOnce = 8;

  // Takes one; false: there is none left.
  bool Take(const model::MachineId& machine, int64_t now_boot_ns) {
    return machines_.try_emplace(machine, kLimits, now_boot_ns).first->second.Take(now_boot_ns);
  }

  // Forgets the machines that may bring all eight again, so that memory is bounded by what comes in
  // eight minutes.
  void ForgetFull(int64_t now_boot_ns) {
    absl::erase_if(machines_, [=](auto& each) { return each.second.full(now_boot_ns); });
  }

 private:
  static constexpr TokenBucket::Limits kLimits{.burst = kAtOnce, .per_second = 1.0 / 60};

  absl::flat_hash_map<model::MachineId, TokenBucket> machines_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_NEW_BOOT_BUDGET_H_
