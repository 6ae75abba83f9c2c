#ifndef HOPTRAIL_AGENT_SESSION_PROCESS_INTAKE_H_
#define HOPTRAIL_AGENT_SESSION_PROCESS_INTAKE_H_

#include <cstdint>

#include "agent/decode/event.h"
#include "agent/session/entries.h"
#include "agent/session/host_tables.h"
#include "agent/session/logins.h"
#include "agent/session/session_assignment.h"

namespace hoptrail::agent::session {

// Processes from fork to exit: keeps the table of processes up to date by every record's header,
// and has each process assigned to its session. Not thread-safe.
class ProcessIntake {
 public:
  ProcessIntake(SessionAssignment* assignment, Entries* entries, Logins* logins, HostTables* tables)
      : tables_(*tables), assignment_(*assignment), entries_(*entries), logins_(*logins) {}

  // The header's process, brought up to date; nothing of what follows from that. Null where the
  // header names none, or the table is full.
  process::Process* Upsert(const decode::Header& header);
  // The same, assigned to its session, and with the login that it may show.
  process::Process* Update(const decode::Header& header);
  // Gives a process that has none its session, and its ancestors theirs.
  void Assign(process::Process& process);

  void OnFork(const decode::Header& header, const decode::Fork& fork);
  void OnExec(const decode::Header& header, const decode::Exec& exec);
  void OnExit(const decode::Header& header);
  void OnCredentials(const decode::Header& header, const decode::CredentialsChange& change);
  void OnNamespaces(const decode::Header& header, const decode::NamespacesChange& change);

  // The process runs a program of its own.
  void SetImage(process::Process& process, const model::Image& image, uint64_t boot_ns);
  // Its exit was lost.
  void EndUnseen(process::Process& process, uint64_t boot_ns);

 private:
  void End(process::Process& process, uint64_t boot_ns);
  void SetTerminal(Node& node, const decode::Stream& input);

  HostTables& tables_;
  SessionAssignment& assignment_;
  Entries& entries_;
  Logins& logins_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_PROCESS_INTAKE_H_
