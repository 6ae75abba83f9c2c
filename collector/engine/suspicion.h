#ifndef HOPTRAIL_COLLECTOR_ENGINE_SUSPICION_H_
#define HOPTRAIL_COLLECTOR_ENGINE_SUSPICION_H_

// Ties trouble of an agent to a session of its host. Trouble while nobody is logged in makes no
// detection: the host's health shows it.

#include <cstddef>

#include "collector/engine/engine_state.h"
#include "core/model/fact.h"
#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// The open session of a person that is suspected most.
struct Suspicion {
  const SessionNode* suspect = nullptr;  // valid until the next write; null: nobody is logged in
  size_t others = 0;                     // further open sessions of people
  bool named = false;                    // the agent itself named the suspect
};

// Suspects a session on the path of an incident first, then the one that came over the most hops,
// then the one that opened last.
Suspicion FindSuspect(const EngineState& state, const model::HostId& host);

// Suspects the session that the goodbye names, if it is one of this host.
Suspicion FindSuspect(const EngineState& state, const model::HostId& host,
                      const model::Goodbye& goodbye);

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_SUSPICION_H_
