#ifndef HOPTRAIL_AGENT_SESSION_SESSION_OPENER_H_
#define HOPTRAIL_AGENT_SESSION_SESSION_OPENER_H_

#include "agent/session/host_tables.h"
#include "agent/session/session_naming.h"

namespace hoptrail::agent::session {

// Opens sessions, and moves processes between them with their descendants. Does not decide when:
// the parts of the stage that do so call it. Not thread-safe.
class SessionOpener {
 public:
  // Both outlive it.
  SessionOpener(SessionNaming* naming, HostTables* tables) : tables_(*tables), naming_(*naming) {}

  // `first` begins a session. It leaves its present session, and so do its descendants.
  Node* NewSession(process::Process& first, model::EntryKind kind);
  // Moves `head` into the session of `node`, and its descendants in the same session with it.
  void MoveSubtree(process::Process& head, Node& node);

 private:
  HostTables& tables_;
  SessionNaming& naming_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_SESSION_OPENER_H_
