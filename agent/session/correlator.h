#ifndef HOPTRAIL_AGENT_SESSION_CORRELATOR_H_
#define HOPTRAIL_AGENT_SESSION_CORRELATOR_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "agent/decode/event.h"
#include "agent/process/process_table.h"
#include "agent/session/audit_logins.h"
#include "agent/session/connection_reporter.h"
#include "agent/session/enriched_event.h"
#include "agent/session/entries.h"
#include "agent/session/file_writers.h"
#include "agent/session/host_tables.h"
#include "agent/session/login_claims.h"
#include "agent/session/logins.h"
#include "agent/session/output.h"
#include "agent/session/process_intake.h"
#include "agent/session/reconciliation.h"
#include "agent/session/session_assignment.h"
#include "agent/session/session_drivers.h"
#include "agent/session/state_store.h"
#include "agent/session/traffic.h"
#include "core/base/clock.h"

namespace hoptrail::agent::session {

// The session stage: turns events into sessions, hop ends, login attempts and edges, and into
// enriched events. Passes each record to the part that handles it, then reports the results.
//
// A process is in its parent's session, except where a session begins:
//  - a process that a listener forks for one connection (it gets the connection on a standard
//    stream at exec, or is the first to use it) begins a remote session, pending until somebody
//    logs in;
//  - any other process that gets an accepted connection on a standard stream at exec does the same;
//  - a child of process 1 begins a service;
//  - a process of a service whose audit session changes begins a console login, and one that cron
//    starts begins a scheduled job;
//  - a process of a service in a container of its own, by control group or pid namespace, begins a
//    container. Logins and jobs keep what they start in containers.
// A connection that is accepted by a process which goes on listening drives that process's session.
//
// Its parts, each built on the ones before: HostTables, ConnectionReporter, SessionAssignment,
// Entries, Logins, AuditLogins, LoginClaims, ProcessIntake, Traffic, SessionDrivers, FileWriters,
// Reconciliation.
//
// Not thread-safe. The owner passes events in the order of their boot time.
class Correlator {
 public:
  struct Options {
    model::HostId host;
    const Clock* clock = nullptr;
    std::vector<uint16_t> watched_ports = {22};
    UserResolver user_resolver;  // reads /etc/passwd if empty
    // Whether a timer starts the unit, whose name is as systemd writes it. May be empty.
    std::function<bool(const std::string& unit)> has_timer;
    // PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h, the same on every host.
    uint32_t host_pid_namespace = 0xEFFFFFFC;
    StateStore* store = nullptr;  // may be null
    SavedState saved;
    size_t max_connections = 65'536;
    size_t max_edges = 4'096;
    // Connections of one session to unwatched ports. Further ones are only counted in edges.
    uint32_t max_hops_per_minute = 1'000;
    process::ProcessTable::Options processes;
  };

  // `sink` receives the enriched events; may be null. Both outlive the correlator.
  Correlator(Options options, Output* output, EventSink* sink = nullptr);

  Correlator(const Correlator&) = delete;
  Correlator& operator=(const Correlator&) = delete;

  void Handle(const decode::Event& event);
  // Keeps the provenance with its session; false if this host has no such session.
  bool Handle(const model::Provenance& provenance, uint64_t boot_ns);
  // The collector asks for this host's end of a connection. Reports it, if it is known, and what it
  // has caused.
  void ReportAsked(const model::HopKey& key);
  // To be called about once a second.
  void Tick();
  // The collector has lost what was reported: reports the sessions and the open connections again,
  // up to a limit now and the rest at the ticks that follow.
  void Repeat();
  // No more events will follow: reports the connections that wait, and the edges of this minute.
  void Finish();

  // Null if unknown. Valid until the next call that is not const.
  const Node* FindNode(const model::SessionId& id) { return tables_.sessions.Find(id); }
  const process::Process* FindNewestProcess(uint32_t tgid) {
    return tables_.processes.FindNewest(tgid);
  }
  const SilentServers& silent_servers() const { return logins_.silent_servers(); }
  Lineage lineage() const { return Lineage(&tables_.processes); }

  // For tests: the process's session, the keys of all processes that count as living, and the sizes
  // of the tables.
  model::SessionId SessionOf(const model::ProcessKey& process);
  std::vector<model::ProcessKey> LivingProcesses();
  size_t process_count() const { return tables_.processes.size(); }
  size_t session_count() const { return tables_.sessions.size(); }
  size_t connection_count() const { return tables_.connections.size(); }

 private:
  struct Dispatch;

  void OnTampering(const decode::Header& header);
  void OnLost(const decode::Header& header, const decode::Lost& lost);
  void Flush();
  void RepeatSome();
  void ReportLosses();
  void ReportLoss(const std::string& where, const std::string& type, uint64_t count,
                  uint32_t cpu = 0);

  Output* const output_;
  HostTables tables_;
  ConnectionReporter reporter_;
  SessionAssignment assignment_;
  Entries entries_;
  Logins logins_;
  AuditLogins audit_logins_;
  LoginClaims login_claims_;
  ProcessIntake processes_;
  Traffic traffic_;
  SessionDrivers session_drivers_;
  FileWriters file_writers_;
  Reconciliation reconciliation_;
  std::deque<model::SessionId> repeat_sessions_;  // to be reported again, in this order
  std::deque<uint64_t> repeat_sockets_;           // connections to be reported after them
  int64_t last_loss_wall_ns_ = 0;
  uint64_t dropped_reported_ = 0;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_CORRELATOR_H_
