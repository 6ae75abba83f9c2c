#ifndef HOPTRAIL_AGENT_SESSION_DRIVERS_H_
#define HOPTRAIL_AGENT_SESSION_DRIVERS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "agent/process/process_table.h"
#include "agent/session/connection_table.h"

namespace hoptrail::agent::session {

// Finds the connections that may be the reason for what a process does: those that it serves at the
// time, or served until just before; for a child, those that its parent served at the fork, or the
// one that it was forked for; for a program that began with a connection as its standard input,
// that connection. The process itself may always be the reason, too. Not thread-safe.
class Drivers {
 public:
  using List = std::shared_ptr<const process::DrivingConnections>;

  // The connection outlasts its close by this, as a reason.
  static constexpr uint64_t kLingerNs = 2'000'000'000;

  Drivers(ConnectionTable* connections, process::ProcessTable* processes)
      : connections_(*connections), processes_(*processes) {}

  // The process has accepted the connection, or has got it, and serves it.
  void OnServes(process::Process& process, const Connection& connection);
  void OnClosed(const Connection& connection);
  // To be called before the parent forgets what it accepted last.
  void OnFork(const process::Process& parent, process::Process& child, uint64_t now_boot_ns);
  // The process began with the connection, which it has made, as its standard input.
  void OnCommanded(process::Process& process, const Connection& connection);
  // The process begins a session of its own because of the connection that it serves.
  static void OnEntry(process::Process& process);

  // Null if there are none. Likeliest first, at most model::kMaxDrivers.
  List Of(const process::Process& process, uint64_t now_boot_ns) const;

 private:
  // `until`: without connections that were established later.
  List Served(const process::Process& process, uint64_t until_boot_ns, uint64_t now_boot_ns) const;

  ConnectionTable& connections_;
  process::ProcessTable& processes_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_DRIVERS_H_
