#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_NEW_BOOT_BUDGET_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_NEW_BOOT_BUDGET_H_

#include <algorithm>
#include <cstdint>

#include "absl/container/flat_hash_map.h"

#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// How many boots that the collector does not know yet a machine may still bring: eight at once, and
// one more each minute. A machine that restarts all the time gets in at a later try. Not
// thread-safe.
class NewBootBudget {
 public:
  static constexpr int kAtOnce = 8;
  static constexpr int64_t kOneEachNs = 60'000'000'000;

  // Takes one; false: there is none left.
  bool Take(const model::MachineId& machine, int64_t now_boot_ns) {
    int64_t& full_boot_ns = full_boot_ns_.try_emplace(machine, now_boot_ns).first->second;
    const int64_t from = std::max(full_boot_ns, now_boot_ns);
    if (from + kOneEachNs - now_boot_ns > kAtOnce * kOneEachNs) return false;
    full_boot_ns = from + kOneEachNs;
    return true;
  }

  // Forgets the machines that may bring all eight again, so that memory is bounded by what comes in
  // eight minutes.
  void ForgetFull(int64_t now_boot_ns) {
    absl::erase_if(full_boot_ns_, [=](const auto& each) { return each.second <= now_boot_ns; });
  }

 private:
  // When all eight may be taken again.
  absl::flat_hash_map<model::MachineId, int64_t> full_boot_ns_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_NEW_BOOT_BUDGET_H_
