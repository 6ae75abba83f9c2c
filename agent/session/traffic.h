#ifndef HOPTRAIL_AGENT_SESSION_TRAFFIC_H_
#define HOPTRAIL_AGENT_SESSION_TRAFFIC_H_

#include "agent/decode/event.h"
#include "agent/session/connection_reporter.h"
#include "agent/session/entries.h"
#include "agent/session/host_tables.h"
#include "agent/session/logins.h"
#include "agent/session/process_intake.h"

namespace hoptrail::agent::session {

// Connections from SYN to close, datagram flows and UNIX sockets: whose each is. Not thread-safe.
class Traffic {
 public:
  Traffic(ProcessIntake* processes, Entries* entries, Logins* logins, ConnectionReporter* reporter,
          HostTables* tables)
      : tables_(*tables),
        processes_(*processes),
        entries_(*entries),
        logins_(*logins),
        reporter_(*reporter) {}

  void OnTcp(const decode::Header& header, const decode::Tcp& tcp);
  void OnAccept(const decode::Header& header, const decode::Accept& accept);
  void OnDatagramFlow(const decode::Header& header, const decode::DatagramFlow& flow);
  void OnUnixConnect(const decode::Header& header, const decode::UnixConnect& connect);

 private:
  void OnListen(const decode::Header& header, const decode::Tcp& tcp);
  void OnConnect(const decode::Header& header, const decode::Tcp& tcp);
  void OnEstablished(const decode::Header& header, const decode::Tcp& tcp);
  void OnClosed(const decode::Tcp& tcp);
  void OnHandedOver(const decode::Header& header, const decode::Accept& accept);
  void OnClaimedBefore(Connection& connection, const decode::Accept& accept);

  HostTables& tables_;
  ProcessIntake& processes_;
  Entries& entries_;
  Logins& logins_;
  ConnectionReporter& reporter_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_TRAFFIC_H_
