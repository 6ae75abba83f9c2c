#ifndef HOPTRAIL_COLLECTOR_ENGINE_AGING_H_
#define HOPTRAIL_COLLECTOR_ENGINE_AGING_H_

#include <cstdint>

#include "collector/engine/engine_state.h"
#include "collector/engine/join/joiner.h"
#include "core/graph/hop_id.h"
#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// Removes old sessions and hops from memory (EngineOptions: retention and bounds). It emits
// nothing: the store keeps its rows, and rules withdraw nothing. Owned by the engine, used by its
// thread.
class Aging {
 public:
  // Neither is owned; both outlive this.
  Aging(EngineState* state, Joiner* joiner) : state_(state), joiner_(joiner) {}

  // Removes what is due, a bounded number a call.
  void Run();

  // Sessions removed so far.
  uint64_t aged() const { return aged_; }

 private:
  void MakeRoom();
  model::SessionId LeafBelow(model::SessionId id) const;
  void AgeSessions(int64_t now_boot_ns);
  void AgeHops(int64_t now_boot_ns);
  bool IsOnIncident(const model::SessionId& id) const;
  // False: the session is still needed.
  bool DropSession(const model::SessionId& id);
  void DropHop(const graph::HopId& hop);

  EngineState* const state_;
  Joiner* const joiner_;
  uint64_t aged_ = 0;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_AGING_H_
