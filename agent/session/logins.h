#ifndef HOPTRAIL_AGENT_SESSION_LOGINS_H_
#define HOPTRAIL_AGENT_SESSION_LOGINS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "agent/decode/event.h"
#include "agent/session/connection_reporter.h"
#include "agent/session/host_tables.h"
#include "agent/session/silent_servers.h"
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

  // `process` shows that the session's processes run as `uid`. The session's user is that uid's
  // name, whatever account the login program has named; the account stays in its authentication.
  void SetUid(Node& node, const process::Process& process, uint32_t uid);
  // The login program, in `process`, names the account that was logged in to.
  void SetAccount(Node& node, const process::Process& process, const std::string& account);
  // Whether the process may be root's only because it helps the login program: another account was
  // logged in to.
  bool MayBeHelper(const Node& node, const process::Process& process);

  // A process of a remote session starts a program. `first`: it has run none of its own before.
  void OnRemoteExec(Node& node, process::Process& process, const decode::Exec& exec, bool first);

  const SilentServers& silent_servers() const { return silent_servers_; }

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
  // A process of a session in which somebody is logged in may show whom the session runs as.
  void FindUser(Node& node, process::Process& process, const decode::Exec& exec, bool first);
  // Whether a login server, known by its name, serves the session's connection.
  bool IsServedByLoginServer(const Node& node, const process::Process& process) const;
  void NoteMethod(Node& node);

  struct PendingAttempt {
    model::LoginAttempt attempt;
    model::SessionId listener;
  };

  HostTables& tables_;
  ConnectionReporter& reporter_;
  SilentServers silent_servers_;
  std::vector<PendingAttempt> attempts_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_LOGINS_H_
