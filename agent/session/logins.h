#ifndef HOPTRAIL_AGENT_SESSION_LOGINS_H_
#define HOPTRAIL_AGENT_SESSION_LOGINS_H_

#include <utility>
#include <vector>

#include "agent/decode/event.h"
#include "agent/session/connection_reporter.h"
#include "agent/session/entries.h"
#include "agent/session/host_tables.h"
#include "agent/session/session_assignment.h"
#include "core/model/fact.h"

namespace hoptrail::agent::session {

// When somebody comes in, by what method and as whom: from the audit session that the kernel keeps,
// from what PAM and sshd claim, and from the programs that a connection starts. Attempts are
// collected until Flush(), so that the sessions that they name go first. Not thread-safe.
class Logins {
 public:
  Logins(SessionAssignment* assignment, Entries* entries, ConnectionReporter* reporter,
         HostTables* tables)
      : tables_(*tables), assignment_(*assignment), entries_(*entries), reporter_(*reporter) {}

  // From now on the connection is a session that is reported.
  void Promote(Node& node);
  void LogIn(Node& node, process::Process& process, bool report_attempt);
  void EndLogin(Node& node, uint64_t boot_ns);

  // A process of a remote session starts a program.
  void OnRemoteExec(Node& node, process::Process& process, const decode::Exec& exec);
  // audit_login.cc: the kernel says that somebody has logged in.
  void OnAuditChange(process::Process& process);
  // claims.cc: what PAM and sshd say.
  void OnPam(process::Process& process, const decode::Pam& pam);
  void OnSshdMessage(process::Process& process, const decode::SshdMessage& event);

  // `report(const model::LoginAttempt&, const model::SessionId& listener)`
  template <typename Callback>
  void Flush(Callback report) {
    for (const PendingAttempt& each : attempts_) report(each.attempt, each.listener);
    attempts_.clear();
  }

 private:
  struct PendingAttempt {
    model::LoginAttempt attempt;
    model::SessionId listener;
  };

  void OnRemotePam(Node& node, process::Process& process, const decode::Pam& pam);
  void OnLocalPam(Node& node, process::Process& process, const decode::Pam& pam);
  void Attempt(Node& node, model::LoginAttempt attempt);

  HostTables& tables_;
  SessionAssignment& assignment_;
  Entries& entries_;
  ConnectionReporter& reporter_;
  std::vector<PendingAttempt> attempts_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_LOGINS_H_
