#ifndef HOPTRAIL_AGENT_SESSION_RECONCILIATION_H_
#define HOPTRAIL_AGENT_SESSION_RECONCILIATION_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"

#include "agent/decode/event.h"
#include "agent/session/connection_reporter.h"
#include "agent/session/entries.h"
#include "agent/session/host_tables.h"
#include "agent/session/logins.h"
#include "agent/session/process_intake.h"
#include "agent/session/session_assignment.h"

namespace hoptrail::agent::session {

// Reconciles the tables with a snapshot: adds what was there before the events began, corrects what
// lost records have left wrong, and finds again what the previous run of the agent has saved. Not
// thread-safe.
class Reconciliation {
 public:
  // All outlive it; none may be null.
  struct Dependencies {
    HostTables* tables = nullptr;
    SessionAssignment* assignment = nullptr;
    Entries* entries = nullptr;
    Logins* logins = nullptr;
    ProcessIntake* processes = nullptr;
    ConnectionReporter* reporter = nullptr;
  };

  explicit Reconciliation(const Dependencies& dependencies)
      : tables_(*dependencies.tables),
        assignment_(*dependencies.assignment),
        entries_(*dependencies.entries),
        logins_(*dependencies.logins),
        processes_(*dependencies.processes),
        reporter_(*dependencies.reporter) {}

  // Connections that the previous run had reported and that were open at its end.
  void Restore(std::vector<model::HopEnd> hops) { saved_hops_ = std::move(hops); }

  void OnProcess(const decode::Header& header, const decode::ProcessSnapshot& snapshot);
  void OnSocket(const decode::Header& header, const decode::SocketSnapshot& snapshot);
  void OnDone(const decode::Header& header);
  // To be called about once a second. Ends the processes that records from before the snapshot have
  // inserted since and that are not in it.
  void Settle();

 private:
  void AssignAll();
  void FindLogins();
  void FindLogin(process::Process& process);
  void FindConnections();
  void FindConnection(Connection& connection);
  void RestoreEntry(Connection& connection);
  void DropVanished();
  void EndAll(const std::vector<model::ProcessKey>& ended, uint64_t boot_ns);

  HostTables& tables_;
  SessionAssignment& assignment_;
  Entries& entries_;
  Logins& logins_;
  ProcessIntake& processes_;
  ConnectionReporter& reporter_;
  std::vector<model::HopEnd> saved_hops_;
  absl::flat_hash_set<uint64_t> sockets_;  // of the snapshot that is being read
  bool restored_ = false;                  // the first snapshot is complete
  uint64_t done_boot_ns_ = 0;              // end of the last snapshot, until Settle() handles it
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_RECONCILIATION_H_
