#ifndef HOPTRAIL_AGENT_SESSION_FORWARDING_H_
#define HOPTRAIL_AGENT_SESSION_FORWARDING_H_

#include "agent/session/drivers.h"
#include "agent/session/host_tables.h"

namespace hoptrail::agent::session {

// Processes that pass on what one of their connections carries: sshd's own processes of a login,
// which connect for their client (ssh -L, -D) or accept for it (-R), and the client, which does the
// other half. Not thread-safe.
class Forwarding {
 public:
  explicit Forwarding(HostTables* tables) : tables_(*tables) {}

  // The process makes a connection: the one that it makes it for. Null if it is none of these.
  Drivers::List Of(const process::Process& process) const;
  // The process has accepted a connection: the older one that carries its contents from now on.
  // Null if there is none.
  Connection* CarrierOf(const process::Process& process, const Connection& accepted) const;

 private:
  // The entry of its session, if the process is one of the login program's own.
  Connection* EntryOf(const process::Process& process) const;
  // The open connection that it has made last, or its parent before the fork.
  Connection* LastOf(const process::Process& process) const;

  HostTables& tables_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_FORWARDING_H_
