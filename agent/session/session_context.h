#ifndef HOPTRAIL_AGENT_SESSION_SESSION_CONTEXT_H_
#define HOPTRAIL_AGENT_SESSION_SESSION_CONTEXT_H_

#include <cstdint>

#include "core/model/session.h"

namespace hoptrail::agent::session {

// How far a login has come. It only goes forward.
enum class LoginState : uint8_t {
  kNone,      // no login: a service, a container, a job
  kPending,   // a connection without a login so far: not reported
  kPromoted,  // the connection is in use and reported; no login was seen
  kLoggedIn,
  kEnded,  // the login is over; its processes may live on
};

// The facts about a session that only the agent needs.
struct SessionContext {
  LoginState login = LoginState::kNone;
  // The session was reported to the collector, so that a detection may name it.
  bool reported = false;
  bool from_remote = false;  // remote, or caused by a remote session

  bool pending() const { return login == LoginState::kPending; }
};

// Somebody logged in over the network: to this session, or to the one that caused it.
inline bool IsRemoteLogin(const model::Session& session, const SessionContext& context) {
  return session.kind == model::EntryKind::kRemote ? session.logged_in : context.from_remote;
}

// A person's session: a remote login, or a login at a terminal of the machine.
inline bool IsLogin(const model::Session& session, const SessionContext& context) {
  return session.kind == model::EntryKind::kConsole || IsRemoteLogin(session, context);
}

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_SESSION_CONTEXT_H_
