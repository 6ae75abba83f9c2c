#ifndef HOPTRAIL_COLLECTOR_ENGINE_PRECEDING_H_
#define HOPTRAIL_COLLECTOR_ENGINE_PRECEDING_H_

#include <cstdint>

#include "collector/engine/engine_state.h"
#include "collector/engine/values/agent_trouble.h"
#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// The events on the host before `wall_ns`, as far as the collector knows: the last connections from
// elsewhere, the last detections and the last sessions, a few each. Reads every session of the host
// that is in memory.
Preceding ReadPreceding(const EngineState& state, const model::HostId& host, int64_t wall_ns);

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_PRECEDING_H_
