#ifndef HOPTRAIL_COLLECTOR_ENGINE_DRIVES_H_
#define HOPTRAIL_COLLECTOR_ENGINE_DRIVES_H_

// A drive is what a session does because of a connection that it serves, or of another session of
// its host. A service has many inputs over time, and each drive has its own parent: whoever is at
// the other end. The session's own start stays what it is. A drive is a node of the graph whose id
// derives from both (model::DeriveDriveId); its row is made here and never taken from an agent.

#include "collector/engine/engine_state.h"
#include "core/model/driver.h"
#include "core/model/hop.h"
#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// The drive of a session by one of its drivers; inserts it. Empty if another host has reported the
// session.
model::SessionId UpsertDrive(const model::HostId& host, const model::SessionId& session,
                             const model::Driver& driver, EngineState* state);

// The end's host says that the connection drives the end's session: inserts the drive, or brings it
// up to date.
void UpdateDrive(const model::HopEnd& end, EngineState* state);

// The session was reported or has changed: its drives show it.
void RefreshDrives(const model::SessionId& session, EngineState* state);

// The drive of the session by the connection with that key, if there is one; else empty.
model::SessionId FindDrive(const model::SessionId& session, const model::HopKey& connection,
                           const EngineState& state);

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_DRIVES_H_
