#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_LOOP_STATE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_LOOP_STATE_H_

#include <cstdint>

#include "collector/engine/engine.h"
#include "collector/engine/loop/backlog.h"
#include "collector/engine/loop/loop_options.h"
#include "collector/engine/loop/transaction.h"
#include "collector/store/store.h"

namespace hoptrail::collector::engine {

// The state that the parts of EngineLoop share. Owned by EngineLoop, used by the engine's thread.
struct LoopState {
  // Not owned.
  Engine* engine = nullptr;
  store::Store* store = nullptr;

  LoopOptions options;
  Transaction transaction;
  Backlog backlog;

  int64_t BootNow() const { return static_cast<int64_t>(options.clock->BootNs()); }
  int64_t WallNow() const { return options.clock->WallNs(); }
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_LOOP_STATE_H_
