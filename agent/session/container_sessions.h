#ifndef HOPTRAIL_AGENT_SESSION_CONTAINER_SESSIONS_H_
#define HOPTRAIL_AGENT_SESSION_CONTAINER_SESSIONS_H_

#include <cstdint>

#include "agent/session/container_index.h"
#include "agent/session/host_tables.h"
#include "agent/session/session_opener.h"

namespace hoptrail::agent::session {

// Opens the sessions of containers, and moves the processes of services into them.
//
// The kernel shows two things that begin a container: a process in a control group with a
// container's name that its parent is not in, and a process in a pid namespace that no known
// process was in. Logins and jobs cannot be left this way: their sessions keep everything that they
// start (docs/decisions/0021-containers.md). Not thread-safe.
class ContainerSessions {
 public:
  // `host_pid_namespace`: processes in it are in no container. The rest outlives the object.
  ContainerSessions(uint32_t host_pid_namespace, SessionOpener* opener, HostTables* tables)
      : tables_(*tables), opener_(*opener), index_(host_pid_namespace, &tables->sessions) {}

  // Moves the process into its container's session if it is in another one, and opens that session
  // if there is none.
  void Follow(process::Process& process);
  // The open session of the process's container; null if there is none.
  Node* FindFor(const process::Process& process) const {
    return index_.FindOpen(index_.NameOf(process));
  }

  void Restore(const model::Session& session) { index_.Restore(session); }
  // To be called about once a second.
  void ForgetClosed() { index_.ForgetClosed(); }

 private:
  HostTables& tables_;
  SessionOpener& opener_;
  ContainerIndex index_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_CONTAINER_SESSIONS_H_
