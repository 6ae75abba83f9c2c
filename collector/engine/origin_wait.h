#ifndef HOPTRAIL_COLLECTOR_ENGINE_ORIGIN_WAIT_H_
#define HOPTRAIL_COLLECTOR_ENGINE_ORIGIN_WAIT_H_

#include <cstdint>

#include "collector/engine/engine_state.h"
#include "collector/engine/join/joiner.h"
#include "core/graph/due_queue.h"
#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// Says for roots that came from an address of the fleet what is missing of their origin, as soon as
// the hosts with that address have had the time to report it. Owned by the evaluator, used by the
// engine's thread.
class OriginWait {
 public:
  // How long an agent may take to report the client's end of a connection; and how long one may
  // that is down or has a backlog, as for pages (Backlog::kMaxWaitNs).
  static constexpr int64_t kGraceNs = Joiner::kGraceNs + 2'000'000'000;
  static constexpr int64_t kBehindNs = 30'000'000'000;

  // Neither is owned; both outlive this.
  OriginWait(EngineState* state, const Joiner* joiner) : state_(state), joiner_(joiner) {}

  // Fills in Step::origin_hosts of a root, or begins to wait.
  void Fill(const model::SessionId& id, Step* root);
  // Makes the sessions dirty for which the wait is over.
  void Tick();

 private:
  OriginSearch::Answer Search(const SessionNode& node) const;
  bool IsDetected(const SessionNode& node) const;

  EngineState* const state_;
  const Joiner* const joiner_;
  graph::DueQueue<model::SessionId> due_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_ORIGIN_WAIT_H_
