#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_REFUSALS_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_REFUSALS_H_

#include <cstdint>
#include <vector>

#include "collector/engine/loop/host_table.h"
#include "collector/engine/loop/loop_state.h"
#include "collector/engine/values/refusal.h"
#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// Counts what each host claimed and the collector refused, and shows it on the host's row as the
// degradation CLAIMS_REFUSED until a day has passed without another refusal. The counts begin again
// when the collector starts. Owned by EngineLoop, used by the engine's thread.
class Refusals {
 public:
  // Neither is owned; both outlive this.
  Refusals(LoopState* state, HostTable* hosts) : state_(state), hosts_(hosts) {}

  // Counts a refusal. A reason that is new on the host is shown at once. A host without a row has
  // no place to show it and is ignored.
  void Note(const Refusal& refusal);
  void NoteAll(const std::vector<Refusal>& refusals) {
    for (const Refusal& each : refusals) Note(each);
  }

  // Shows counts that have grown, not more often than a flood of refusals allows, and removes what
  // is over. Call it about once a second.
  void Show();

 private:
  void Show(const model::HostId& host, HostEntry* entry);

  LoopState* const state_;
  HostTable* const hosts_;
  uint64_t shown_total_ = 0;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_REFUSALS_H_
