#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_LOOP_OPTIONS_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_LOOP_OPTIONS_H_

#include <cstdint>

#include "core/base/clock.h"

namespace hoptrail::collector::engine {

// When an agent that sends nothing counts as silent.
struct LoopOptions {
  // A host that sent nothing for this long is shown as SILENT.
  int64_t silent_after_ns = 60'000'000'000;
  // The engine gets an AgentSilence for an agent that sent nothing for this long and did not say
  // goodbye.
  int64_t heartbeat_timeout_ns = 10'000'000'000;
  const Clock* clock = &Clock::System();  // outlives the loop
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_LOOP_OPTIONS_H_
