#ifndef HOPTRAIL_AGENT_SESSION_SESSION_DRIVERS_H_
#define HOPTRAIL_AGENT_SESSION_SESSION_DRIVERS_H_

#include "agent/decode/event.h"
#include "agent/session/connection_reporter.h"
#include "agent/session/host_tables.h"
#include "agent/session/minute_budget.h"

namespace hoptrail::agent::session {

// Sessions that make another session of the host act: by its UNIX sockets (terminal multiplexers,
// ssh masters, others) and by writing the memory of its processes. Remembers who acts on whom in
// HostTables::influences, so that the connections that follow name their drivers. Not thread-safe.
class SessionDrivers {
 public:
  // Both outlive it.
  SessionDrivers(ConnectionReporter* reporter, HostTables* tables)
      : tables_(*tables), reporter_(*reporter) {}

  void OnUnixConnect(const process::Process& process, const decode::UnixConnect& connect);
  void OnTrace(const process::Process& process, const decode::Trace& trace);

 private:
  // The process that listens, and its session. It may have ended: an ssh master listens before it
  // goes to the background, so that its child has the socket.
  struct Owner {
    model::ProcessKey key;
    Node* node = nullptr;
    std::string program;
  };
  Owner OwnerOf(const decode::UnixConnect& connect);
  void ReportMuxConnections(const Owner& master);
  // The drivers of a report may name only sessions that were reported.
  void EnsureReported(Node& node);

  // Visits every client's connection. Does nothing once the budget is spent: whoever connects over
  // and over must not keep the stage busy.
  template <typename Visitor>
  void ForEachClient(Visitor visitor);

  HostTables& tables_;
  ConnectionReporter& reporter_;
  MinuteBudget walks_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_SESSION_DRIVERS_H_
