#ifndef HOPTRAIL_AGENT_SESSION_LOGIN_CLAIMS_H_
#define HOPTRAIL_AGENT_SESSION_LOGIN_CLAIMS_H_

#include <string>

#include "agent/decode/event.h"
#include "agent/session/entries.h"
#include "agent/session/host_tables.h"
#include "agent/session/logins.h"
#include "agent/session/session_opener.h"
#include "agent/session/sshd_message.h"

namespace hoptrail::agent::session {

// Handles what PAM and sshd say about logins. Both are claims: believed only if the kernel side has
// verified the program, and only if they do not contradict the connection that the kernel shows.
// Not thread-safe.
class LoginClaims {
 public:
  // All outlive it.
  LoginClaims(SessionOpener* opener, Entries* entries, Logins* logins, HostTables* tables)
      : tables_(*tables), opener_(*opener), entries_(*entries), logins_(*logins) {}

  void OnPam(process::Process& process, const decode::Pam& pam);
  void OnSshdMessage(process::Process& process, const decode::SshdMessage& event);

 private:
  // A login through a connection.
  void OnRemotePam(Node& node, process::Process& process, const decode::Pam& pam);
  // su, sudo, cron, a login at a terminal.
  void OnLocalPam(Node& node, process::Process& process, const decode::Pam& pam);
  void OpenLocal(Node& node, process::Process& process, const decode::Pam& pam);
  // The method and key that sshd formats at each decision, whatever it logs.
  void OnSshdDecision(process::Process& process, const decode::SshdMessage& event);
  // Null for a process that is not believed.
  Node* NodeOfServer(process::Process& process, const model::Endpoint* origin);
  void OnRefusal(Node& node, const SshdMessage& message, const std::string& service);
  void OnAcceptance(Node& node, process::Process& process, const SshdMessage& message,
                    const std::string& service);

  HostTables& tables_;
  SessionOpener& opener_;
  Entries& entries_;
  Logins& logins_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_LOGIN_CLAIMS_H_
