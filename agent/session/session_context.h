#ifndef HOPTRAIL_AGENT_SESSION_SESSION_CONTEXT_H_
#define HOPTRAIL_AGENT_SESSION_SESSION_CONTEXT_H_

#include <cstdint>

#include "agent/session/unix_uses.h"
#include "core/model/session.h"

namespace hoptrail::agent::session {

// How far somebody has come in. It goes forward only.
enum class LoginState : uint8_t {
  kNone,      // no connection and no terminal brought it in: a service, a container, a job
  kPending,   // a connection through which nobody has come in: not reported to anyone
  kPromoted,  // the connection is in use and reported; no login was seen
  kLoggedIn,
  kEnded,  // the login is over; processes may live on
};

// Facts about a session that the agent alone needs to know.
struct SessionContext {
  LoginState login = LoginState::kNone;
  // The collector knows of it: a detection may name it.
  bool reported = false;
  bool from_remote = false;  // remote, or caused by one that is
  UnixUses unix_uses;        // since this run of the agent

  bool pending() const { return login == LoginState::kPending; }
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
