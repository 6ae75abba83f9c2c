#ifndef HOPTRAIL_COLLECTOR_ENGINE_SUSPICION_H_
#define HOPTRAIL_COLLECTOR_ENGINE_SUSPICION_H_

// Ties trouble of an agent to a session of its host (docs/decisions/0033).

#include <cstddef>
#include <cstdint>

#include "collector/engine/engine_state.h"
#include "collector/engine/values/agent_trouble.h"
#include "core/model/ids.h"
#include "core/model/session.h"

namespace hoptrail::collector::engine {

// The session that is suspected most.
struct Suspicion {
  // Valid until the next write; null: nobody is suspected, and the host has no service in memory.
  const SessionNode* suspect = nullptr;
  SuspectGround ground = SuspectGround::kHost;
  bool is_login = false;  // a person's open login
  size_t others = 0;      // further open sessions of people
};

// How long before the trouble a session may have ended, or a service have accepted a connection,
// and still be suspected.
inline constexpr int64_t kLatelyNs = int64_t{600} * 1'000'000'000;
// The same for a session on an incident, and how old a detection may be that is suspicious.
inline constexpr int64_t kIncidentLatelyNs = int64_t{3600} * 1'000'000'000;

// Suspects the session that the agent named, if it is one of the host. Otherwise the strongest
// ground counts; among equals a session on the path of an incident, then the one that came over the
// most hops, then the latest. `wall_ns`: when the trouble was, by the host's clock if known.
Suspicion FindSuspect(const EngineState& state, const model::HostId& host, int64_t wall_ns,
                      const model::SessionId& named = {});

// Whether a person is logged in on the host.
bool HasOpenLogin(const EngineState& state, const model::HostId& host);

// Whether it is the session of the host's agent itself.
bool IsAgentItself(const model::Session& session);

// When the end was established, by its host's wall clock, whatever times the host reports.
int64_t WallOf(const EndNode& end, const model::Session& session);

// When the session last accepted a connection, by its host's wall clock; 0: never.
int64_t LastServedWallNs(const GraphState& graph, const SessionNode& node);

// A session that stands for the host where the collector has none of its sessions. It is over, so
// that it ages.
model::Session StandInFor(const model::HostId& host, int64_t wall_ns);

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_SUSPICION_H_
