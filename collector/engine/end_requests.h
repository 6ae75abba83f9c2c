#ifndef HOPTRAIL_COLLECTOR_ENGINE_END_REQUESTS_H_
#define HOPTRAIL_COLLECTOR_ENGINE_END_REQUESTS_H_

#include <cstdint>
#include <vector>

#include "collector/engine/join/joiner.h"
#include "collector/engine/values/outcome.h"
#include "core/base/keyed_budget.h"
#include "core/graph/due_queue.h"
#include "core/graph/hop_id.h"
#include "core/model/hop.h"

namespace hoptrail::collector::engine {

// Asks hosts for ends that their agents report to nobody: those on ports that are not watched. A
// client end is reported only if its session is of interest, so whatever it connects to may be
// driven by it; and a server end that opened a session has an origin. Each end is asked for once.
// Owned by the engine, used by its thread.
class EndRequests {
 public:
  // Ends on watched ports arrive by themselves within this time.
  static constexpr int64_t kWaitNs = 500'000'000;
  // The requests to one machine at once, and each second.
  static constexpr TokenBucket::Limits kLimits{.burst = 100, .per_second = 10};

  // Not owned; outlives this.
  explicit EndRequests(const Joiner* joiner) : joiner_(joiner) {}

  // The end is new or has changed; `now_ns` is the collector's boot time.
  void Note(const graph::HopId& id, const model::HopEnd& end, int64_t now_ns);
  // The requests that are due.
  void Take(int64_t now_ns, std::vector<EndRequest>* out);

 private:
  const Joiner* const joiner_;
  graph::DueQueue<graph::HopId> waiting_;
  KeyedBudget<model::MachineId> budget_{kLimits};
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_END_REQUESTS_H_
