#ifndef HOPTRAIL_AGENT_SESSION_TRAFFIC_H_
#define HOPTRAIL_AGENT_SESSION_TRAFFIC_H_

#include "agent/decode/event.h"
#include "agent/session/connection_reporter.h"
#include "agent/session/entries.h"
#include "agent/session/forwarding.h"
#include "agent/session/host_tables.h"
#include "agent/session/logins.h"
#include "agent/session/process_intake.h"

namespace hoptrail::agent::session {

// TCP connections from connect or accept to close, and datagram flows: finds the process and the
// session of each. Not thread-safe.
class Traffic {
 public:
  // All outlive it; none may be null.
  struct Dependencies {
    HostTables* tables = nullptr;
    ProcessIntake* processes = nullptr;
    Entries* entries = nullptr;
    Logins* logins = nullptr;
    ConnectionReporter* reporter = nullptr;
  };

  explicit Traffic(const Dependencies& dependencies)
      : tables_(*dependencies.tables),
        processes_(*dependencies.processes),
        entries_(*dependencies.entries),
        logins_(*dependencies.logins),
        reporter_(*dependencies.reporter) {}

  void OnTcp(const decode::Header& header, const decode::Tcp& tcp);
  void OnAccept(const decode::Header& header, const decode::Accept& accept);
  void OnDatagramFlow(const decode::Header& header, const decode::DatagramFlow& flow);

 private:
  void OnListen(const decode::Header& header, const decode::Tcp& tcp);
  void OnConnect(const decode::Header& header, const decode::Tcp& tcp);
  void OnEstablished(const decode::Header& header, const decode::Tcp& tcp);
  void OnClosed(const decode::Tcp& tcp);
  void OnHandedOver(const decode::Header& header, const decode::Accept& accept);
  void ClaimEntry(process::Process& process);
  Connection* ConnectedFor(const process::Process& process, const Connection& connection);
  void TakeAlong(const process::Process& head, const Connection& entry, Node* opened);
  void NoteCarrier(const process::Process& process, const Connection& accepted);
  void Serve(process::Process& process, const Connection& connection);
  void CompleteEntry(Connection& connection, const decode::Accept& accept);

  HostTables& tables_;
  ProcessIntake& processes_;
  Entries& entries_;
  Logins& logins_;
  ConnectionReporter& reporter_;
  const Forwarding forwarding_{&tables_};
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_TRAFFIC_H_
