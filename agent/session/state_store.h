#ifndef HOPTRAIL_AGENT_SESSION_STATE_STORE_H_
#define HOPTRAIL_AGENT_SESSION_STATE_STORE_H_

// What an agent must remember over its own restart so that it goes on saying the same names.

#include <utility>
#include <vector>

#include "core/model/hop.h"
#include "core/model/ids.h"
#include "core/model/session.h"

namespace hoptrail::agent::session {

// Where the session tree keeps that. Called on the pipeline's thread, in the order of events;
// saving the same key again replaces it, removing what is not there does nothing. A call may be
// buffered for as long as losing it in a crash is bearable: the snapshot finds most of it again.
class StateStore {
 public:
  virtual ~StateStore() = default;

  // Remote sessions and those with provenance, while they are open. Key: session.id.
  virtual void SaveSession(const model::Session& session) = 0;
  virtual void RemoveSession(const model::SessionId& session) = 0;

  // Their living processes. Key: process.
  virtual void SaveMember(const model::ProcessKey& process, const model::SessionId& session) = 0;
  virtual void RemoveMember(const model::ProcessKey& process) = 0;

  // Reported ends of connections that are still open. Key: (side, name).
  virtual void SaveHop(const model::HopEnd& hop) = 0;
  virtual void RemoveHop(model::HopSide side, const model::HopKey& name) = 0;
};

// All of it, as the last run left it. Only of the same boot: the caller drops the rest.
struct SavedState {
  std::vector<model::Session> sessions;
  std::vector<std::pair<model::ProcessKey, model::SessionId>> members;
  std::vector<model::HopEnd> open_hops;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_STATE_STORE_H_
