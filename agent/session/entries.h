#ifndef HOPTRAIL_AGENT_SESSION_ENTRIES_H_
#define HOPTRAIL_AGENT_SESSION_ENTRIES_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "agent/decode/event.h"
#include "agent/session/connection_reporter.h"
#include "agent/session/host_tables.h"
#include "agent/session/session_opener.h"

namespace hoptrail::agent::session {

// Finds the process whose session an accepted connection opens. The session is pending until Logins
// sees somebody log in. Not thread-safe.
class Entries {
 public:
  // All outlive it.
  Entries(SessionOpener* opener, ConnectionReporter* reporter, HostTables* tables)
      : tables_(*tables), opener_(*opener), reporter_(*reporter) {}

  // The process that a listener forked for the connection: `process`, or the process of its session
  // tag. Null if there is none.
  process::Process* HeadFor(process::Process& process, const Connection& connection,
                            uint64_t boot_ns);
  // The connection opens a session, which is pending and whose first process is `head`. `listener`
  // is the process that forked the head for it; may be null.
  Node* Open(process::Process& head, Connection& connection, process::Process* listener);
  // A program starts with an accepted connection on a standard stream.
  void OpenFromStreams(process::Process& process, const decode::Exec& exec);
  // The process shows a login, and its lineage leads to a child that was forked after the listener
  // accepted a connection: that child claims it. Null if there is none. Finds the servers whose
  // children execute no program.
  Node* ClaimPending(process::Process& process);
  // The process shows a login, but the records of its connection were lost or are late. Opens a
  // session if a listener forked the process, or the process of its session tag. `client`: the
  // connection's, to find it by; may be null. Returns null if there is no listener.
  Node* Infer(process::Process& process, const model::Endpoint* client);
  // Gives a session without an entry the accepted connection from `client`.
  void Attach(Node& node, const model::Endpoint& client);
  // The first process of the session serves many connections, so it was wrong to open a session for
  // it: the members return to the listener's session.
  void ReturnToListener(Node& node);

  // An accepted socket and the process that has it open, as a snapshot shows them.
  void AddHeld(const model::ProcessKey& process, uint64_t socket) {
    held_[process].push_back(socket);
  }
  // Opens a session for a connection that the process has open and its parent, a listener, has not.
  void OpenHeld(process::Process& process);
  // The snapshot is complete.
  void ForgetHeld() { held_.clear(); }

 private:
  static void SetListener(Node& node, const model::SessionId& left,
                          const process::Process* listener);
  Node* NewRemote(const process::Process& head);
  Connection* UnclaimedFrom(const model::Endpoint& client);

  HostTables& tables_;
  SessionOpener& opener_;
  ConnectionReporter& reporter_;
  absl::flat_hash_map<model::ProcessKey, std::vector<uint64_t>> held_;  // sockets by process
};

// Whether the stream is an accepted TCP connection.
bool IsAcceptedTcp(const decode::Stream& stream);

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_ENTRIES_H_
