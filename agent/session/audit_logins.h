#ifndef HOPTRAIL_AGENT_SESSION_AUDIT_LOGINS_H_
#define HOPTRAIL_AGENT_SESSION_AUDIT_LOGINS_H_

#include <cstdint>

#include "agent/session/entries.h"
#include "agent/session/host_tables.h"
#include "agent/session/logins.h"
#include "agent/session/session_assignment.h"

namespace hoptrail::agent::session {

// Logins as the kernel itself shows them: a process gets another audit session (pam_loginuid sets
// it). Not thread-safe.
class AuditLogins {
 public:
  // All outlive it.
  AuditLogins(SessionAssignment* assignment, Entries* entries, Logins* logins, HostTables* tables)
      : tables_(*tables), assignment_(*assignment), entries_(*entries), logins_(*logins) {}

  // The process has an audit session that it did not have at its last record.
  void OnChange(process::Process& process);

 private:
  // The process's session, or the remote one that the login opens.
  Node* SessionFor(process::Process& process);
  // The login of a remote session; false if the change is none.
  bool SetRemoteLogin(Node& node, process::Process& process);
  // A job, or a login that came by no connection.
  void OpenLocal(const Node& node, process::Process& process);

  HostTables& tables_;
  SessionAssignment& assignment_;
  Entries& entries_;
  Logins& logins_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_AUDIT_LOGINS_H_
