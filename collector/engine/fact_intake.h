#ifndef HOPTRAIL_COLLECTOR_ENGINE_FACT_INTAKE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_FACT_INTAKE_H_

#include <optional>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"

#include "collector/engine/end_requests.h"
#include "collector/engine/engine_state.h"
#include "collector/engine/evaluator.h"
#include "collector/engine/join/joiner.h"
#include "collector/engine/values/outcome.h"
#include "collector/engine/values/refusal.h"
#include "core/model/fact.h"

namespace hoptrail::collector::engine {

// Takes facts into the joiner and the graph: the first of the engine's two steps. Owned by the
// engine, used by its thread.
class FactIntake {
 public:
  // Nothing is owned; all of it outlives the intake.
  FactIntake(EngineState* state, Joiner* joiner, Evaluator* evaluator, EndRequests* end_requests)
      : state_(state), joiner_(joiner), evaluator_(evaluator), end_requests_(end_requests) {}

  void Take(const model::Fact& fact);
  // Brings the graph up to date with the joiner.
  void TakeJoins();
  // Takes stored values. Only what differs from them is emitted afterwards.
  void Restore(const StoredState& state);

 private:
  static bool HasItsOwnId(const model::Session& session);
  std::optional<RefusalReason> ReasonToRefuse(const model::Detection& detection) const;
  void TakeSession(const model::Session& session);
  void TakeHopEnd(const model::HopEnd& end);
  void TakeDetection(const model::Detection& detection);
  // The sessions that caused `child` on the same host, or may have, are offered as its parents.
  void OfferCause(const model::SessionId& child);

  EngineState* const state_;
  Joiner* const joiner_;
  Evaluator* const evaluator_;
  EndRequests* const end_requests_;
  // By a cause that no host has reported yet: the sessions that it caused.
  absl::flat_hash_map<model::SessionId, absl::btree_set<model::SessionId>> waiting_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_FACT_INTAKE_H_
