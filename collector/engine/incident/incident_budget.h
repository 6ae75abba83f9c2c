#ifndef HOPTRAIL_COLLECTOR_ENGINE_INCIDENT_INCIDENT_BUDGET_H_
#define HOPTRAIL_COLLECTOR_ENGINE_INCIDENT_INCIDENT_BUDGET_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "absl/container/flat_hash_set.h"

#include "core/base/keyed_budget.h"
#include "core/base/token_bucket.h"
#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// How many incidents the reports of one machine may open. An intruder who holds a host's
// certificate could otherwise bury one incident, and the people on call, under thousands. A path
// without room waits: nothing of it is lost, and it opens its incident when there is room again, or
// joins the incident of a path that it becomes a part of. Not thread-safe.
class IncidentBudget {
 public:
  // Twenty at once, and one every ten minutes.
  static constexpr TokenBucket::Limits kLimits{.burst = 20, .per_second = 1.0 / 600};
  // Beyond it the paths that have waited longest wait until a fact changes them.
  static constexpr size_t kMaxWaiting = 10'000;

  // Whether there is room for one more incident, which then takes it.
  bool Take(const model::MachineId& machine, int64_t now_boot_ns);
  // The path with this root has found no room.
  void Wait(const model::SessionId& root);
  // The paths that have waited longest; they no longer wait. To be called about once a second.
  std::vector<model::SessionId> TakeWaiting(int64_t now_boot_ns);

 private:
  KeyedBudget<model::MachineId> room_{kLimits};
  absl::flat_hash_set<model::SessionId> waiting_;
  std::deque<model::SessionId> order_;  // of `waiting_`, the longest first
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_INCIDENT_INCIDENT_BUDGET_H_
