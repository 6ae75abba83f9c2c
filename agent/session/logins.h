#ifndef HOPTRAIL_AGENT_SESSION_LOGINS_H_
#define HOPTRAIL_AGENT_SESSION_LOGINS_H_

#include <cstdint>
#include <vector>

#include "agent/decode/event.h"
#include "agent/session/connection_reporter.h"
#include "agent/session/host_tables.h"
#include "core/model/fact.h"

namespace hoptrail::agent::session {

// The state of each session's login, and the attempts to log in. Whether somebody has logged in
// follows from the audit session (AuditLogins), from what PAM and sshd say (LoginClaims) and from
// the programs that a remote session starts. Attempts are kept until Flush(), so that the sessions
// that they name are reported first. Not thread-safe.
class Logins {
 public:
  // Both outlive it.
  Logins(ConnectionReporter* reporter, HostTables* tables)
      : tables_(*tables), reporter_(*reporter) {}

  // The remote session is in use: it is reported from now on, with its connection.
  void Promote(Node& node);
  void LogIn(Node& node, process::Process& process, bool report_attempt);
  void EndLogin(Node& node, uint64_t boot_ns);

  // A process of a remote session starts a program.
  void OnRemoteExec(Node& node, process::Process& process, const decode::Exec& exec);

  // An attempt through the connection of `node`. Fills in the host, the session, the client and the
  // time.
  void AddAttempt(Node& node, model::LoginAttempt attempt);
  // An attempt that came by no connection, made by a process of `node`.
  void AddLocalAttempt(Node& node, model::LoginAttempt attempt);

  // `report(const model::LoginAttempt&, const model::SessionId& listener)`
  template <typename Callback>
  void Flush(Callback report) {
    for (const PendingAttempt& each : attempts_) report(each.attempt, each.listener);
    attempts_.clear();
  }

 private:
  void NameByProcess(Node& node);
  struct PendingAttempt {
    model::LoginAttempt attempt;
    model::SessionId listener;
  };

  HostTables& tables_;
  ConnectionReporter& reporter_;
  std::vector<PendingAttempt> attempts_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_LOGINS_H_
