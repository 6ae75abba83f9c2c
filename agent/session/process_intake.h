#ifndef HOPTRAIL_AGENT_SESSION_PROCESS_INTAKE_H_
#define HOPTRAIL_AGENT_SESSION_PROCESS_INTAKE_H_

#include <cstdint>

#include "agent/decode/event.h"
#include "agent/session/audit_logins.h"
#include "agent/session/connection_reporter.h"
#include "agent/session/entries.h"
#include "agent/session/host_tables.h"
#include "agent/session/logins.h"
#include "agent/session/session_assignment.h"

namespace hoptrail::agent::session {

// Processes from fork to exit: updates the process table by the header of each record, and has each
// process assigned to a session. Not thread-safe.
class ProcessIntake {
 public:
  // All outlive it; none may be null.
  struct Dependencies {
    HostTables* tables = nullptr;
    SessionAssignment* assignment = nullptr;
    Entries* entries = nullptr;
    Logins* logins = nullptr;
    AuditLogins* audit_logins = nullptr;
    ConnectionReporter* reporter = nullptr;
  };

  explicit ProcessIntake(const Dependencies& dependencies)
      : tables_(*dependencies.tables),
        assignment_(*dependencies.assignment),
        entries_(*dependencies.entries),
        logins_(*dependencies.logins),
        audit_logins_(*dependencies.audit_logins),
        reporter_(*dependencies.reporter) {}

  // Inserts or updates the header's process, and does not assign it. Null if the header has no
  // process or the table is full.
  process::Process* Upsert(const decode::Header& header);
  // The same, then assigns the process to its session and handles a change of its audit session.
  process::Process* Update(const decode::Header& header);
  // Assigns the process and its ancestors to their sessions if they have none.
  void Assign(process::Process& process);

  void OnFork(const decode::Header& header, const decode::Fork& fork);
  void OnExec(const decode::Header& header, const decode::Exec& exec);
  void OnExit(const decode::Header& header);
  void OnCredentials(const decode::Header& header, const decode::CredentialsChange& change);
  void OnNamespaces(const decode::Header& header, const decode::NamespacesChange& change);

  // The process runs `image`, and has done so since `boot_ns` at the latest.
  void SetImage(process::Process& process, const model::Image& image, uint64_t boot_ns);
  // The process has ended, and its exit record was lost.
  void EndWithLostExit(process::Process& process, uint64_t boot_ns);

 private:
  void FindCommands(process::Process& process, const decode::Exec& exec);
  void End(process::Process& process, uint64_t boot_ns);
  void SetTerminal(Node& node, const decode::Stream& input);

  HostTables& tables_;
  SessionAssignment& assignment_;
  Entries& entries_;
  Logins& logins_;
  AuditLogins& audit_logins_;
  ConnectionReporter& reporter_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_PROCESS_INTAKE_H_
