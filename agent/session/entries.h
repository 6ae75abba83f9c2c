#ifndef HOPTRAIL_AGENT_SESSION_ENTRIES_H_
#define HOPTRAIL_AGENT_SESSION_ENTRIES_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "agent/decode/event.h"
#include "agent/session/connection_reporter.h"
#include "agent/session/host_tables.h"
#include "agent/session/session_assignment.h"

namespace hoptrail::agent::session {

// Connections that bring someone in: how each finds the process whose session it opens. Whether
// somebody does come in by it is the logins' affair. Not thread-safe.
class Entries {
 public:
  Entries(SessionAssignment* assignment, ConnectionReporter* reporter, HostTables* tables)
      : tables_(*tables), assignment_(*assignment), reporter_(*reporter) {}

  // The process that a listener forked for the connection: `process` itself, or the one that the
  // kernel says it came through. Null where there is none.
  process::Process* HeadFor(process::Process& process, const Connection& connection,
                            uint64_t boot_ns);
  // The connection opens a session, whose first process is `head`; pending until somebody comes in.
  // `listener`: who forked the head for it; may be null.
  Node* Open(process::Process& head, Connection& connection, process::Process* listener);
  // A program that starts with an accepted connection on a standard stream.
  void OpenFromStreams(process::Process& process, const decode::Exec& exec);
  // Where accept was seen in the listener and the child execs nothing: the child speaks for itself.
  Node* ClaimPending(process::Process& process);
  // Records of how the connection was handed over were lost or come late: the process, or the one
  // that the kernel says it came through, was forked by a listener all the same.
  Node* Infer(process::Process& process, const model::Endpoint* client);
  // The session's own connection, from that very address, where its entry was not seen.
  void Attach(Node& node, const model::Endpoint& client);
  // The session's first process turned out to serve many connections.
  void ReturnToListener(Node& node);

  // Accepted sockets by holder, while a snapshot comes in.
  void Hold(const model::ProcessKey& process, uint64_t socket) { held_[process].push_back(socket); }
  // The snapshot's own evidence: a connection that only the child of a listener holds.
  void OpenHeld(process::Process& process);
  void ForgetHeld() { held_.clear(); }

 private:
  static void NoteListener(Node& node, const model::SessionId& left,
                           const process::Process* listener);
  Node* NewRemote(const process::Process& head);
  Connection* UnclaimedFrom(const model::Endpoint& client);

  HostTables& tables_;
  SessionAssignment& assignment_;
  ConnectionReporter& reporter_;
  absl::flat_hash_map<model::ProcessKey, std::vector<uint64_t>> held_;
};

// Whether an accepted TCP connection stands on the stream.
bool IsAcceptedTcp(const decode::Stream& stream);

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_ENTRIES_H_
