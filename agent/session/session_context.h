#ifndef HOPTRAIL_AGENT_SESSION_SESSION_CONTEXT_H_
#define HOPTRAIL_AGENT_SESSION_SESSION_CONTEXT_H_

#include "agent/session/unix_uses.h"
#include "core/model/session.h"

namespace hoptrail::agent::session {

// Facts about a session that the agent alone needs to know.
struct SessionContext {
  // A connection through which nobody has come in: not reported to anyone.
  bool pending = false;
  // The collector knows of it: a detection may name it.
  bool reported = false;
  bool from_remote = false;  // remote, or caused by one that is
  UnixUses unix_uses;        // since this run of the agent
};

// Somebody came in over the network, to this session or to the one that caused it.
inline bool IsRemoteLogin(const model::Session& session, const SessionContext& context) {
  return session.kind == model::EntryKind::kRemote ? session.logged_in : context.from_remote;
}

// A person's: a remote login's, or one at a terminal of the machine.
inline bool IsLogin(const model::Session& session, const SessionContext& context) {
  return session.kind == model::EntryKind::kConsole || IsRemoteLogin(session, context);
}

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_SESSION_CONTEXT_H_
