#ifndef HOPTRAIL_AGENT_SESSION_CORRELATOR_H_
#define HOPTRAIL_AGENT_SESSION_CORRELATOR_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "agent/decode/event.h"
#include "agent/process/process_table.h"
#include "agent/session/connection_reporter.h"
#include "agent/session/enriched_event.h"
#include "agent/session/entries.h"
#include "agent/session/host_tables.h"
#include "agent/session/logins.h"
#include "agent/session/output.h"
#include "agent/session/process_intake.h"
#include "agent/session/reconciliation.h"
#include "agent/session/session_assignment.h"
#include "agent/session/state_store.h"
#include "agent/session/traffic.h"
#include "core/base/clock.h"

namespace hoptrail::agent::session {

// The session stage: from events to sessions, hop ends, login attempts and edges, and to enriched
// events. It hands each record to the part that knows about it, then reports what came of it.
//
// A process is in its parent's session, but for these beginnings:
//  - a process forked by one that listens, for one connection (it gets the connection on a standard
//    stream at exec, or uses it first): a remote session, pending until someone comes in by it;
//  - whoever else gets an accepted connection on a standard stream at exec: likewise;
//  - a child of process 1: a service;
//  - a process of a service whose audit session changes, or that cron has started: a console login
//    or a scheduled job;
//  - a process of a service in a container of its own, by its control group or pid namespace: a
//    container. People's and jobs' sessions keep what they start in containers.
// A connection accepted by a process that goes on listening drives that process's session.
//
// Its parts, each built on the ones before: HostTables, ConnectionReporter, SessionAssignment,
// Entries, Logins, ProcessIntake, Traffic, Reconciliation.
//
// Not thread-safe; the owner feeds it events in the order of their boot time.
class Correlator {
 public:
  struct Options {
    model::HostId host;
    const Clock* clock = nullptr;
    std::vector<uint16_t> watched_ports = {22};
    UserResolver user_resolver;  // /etc/passwd where empty
    // Whether a timer starts the unit, by its name as systemd writes it. May be empty.
    std::function<bool(const std::string& unit)> has_timer;
    // PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h, the same on every host.
    uint32_t host_pid_namespace = 0xEFFFFFFC;
    StateStore* store = nullptr;  // may be null
    SavedState saved;
    size_t max_connections = 65'536;
    size_t max_edges = 4'096;
    // Of one session, to ports that are not watched; more are counted in edges alone.
    uint32_t max_hops_per_minute = 1'000;
    process::ProcessTable::Options processes;
  };

  // `sink`: consumer of the enriched events; may be null. Both outlive the correlator.
  Correlator(Options options, Output* output, EventSink* sink = nullptr);

  Correlator(const Correlator&) = delete;
  Correlator& operator=(const Correlator&) = delete;

  void Handle(const decode::Event& event);
  // Kept with the session; false where it is not one of this host's.
  bool Handle(const model::Provenance& provenance, uint64_t boot_ns);
  // About once a second.
  void Tick();
  // The collector has lost what was reported: reports anew the sessions that there are and the
  // connections that are open, now and, where they are many, at the ticks that follow.
  void Repeat();
  // Nothing will follow: reports what was put off or is still being counted.
  void Finish();

  // Null where unknown. Valid until the next call that is not const.
  const model::Session* FindSession(const model::SessionId& id);
  const model::Provenance* FindProvenance(const model::SessionId& id);
  const Node* FindNode(const model::SessionId& id) { return tables_.sessions.Find(id); }
  model::SessionId SessionOf(const model::ProcessKey& process);
  const process::Process* FindProcess(const model::ProcessKey& process) {
    return tables_.processes.Find(process);
  }
  const process::Process* FindNewestProcess(uint32_t tgid) {
    return tables_.processes.FindNewest(tgid);
  }
  Lineage lineage() const { return Lineage(&tables_.processes); }

  // Every process that counts as living.
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
  ProcessIntake processes_;
  Traffic traffic_;
  Reconciliation reconciliation_;
  std::deque<model::SessionId> repeat_sessions_;  // to be reported anew, in this order
  std::deque<uint64_t> repeat_sockets_;           // after those
  int64_t last_loss_wall_ns_ = 0;
  uint64_t dropped_reported_ = 0;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_CORRELATOR_H_
