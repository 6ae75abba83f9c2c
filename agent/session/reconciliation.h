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

// Reconciles the tables with a snapshot: what was there before the events began, what was lost of
// them, and what the last run of the agent knew. Not thread-safe.
class Reconciliation {
 public:
  Reconciliation(SessionAssignment* assignment, Entries* entries, Logins* logins,
                 ProcessIntake* processes, ConnectionReporter* reporter, HostTables* tables)
      : tables_(*tables),
        assignment_(*assignment),
        entries_(*entries),
        logins_(*logins),
        processes_(*processes),
        reporter_(*reporter) {}

  // Ends of connections that the last run reported and that were open then.
  void Restore(std::vector<model::HopEnd> hops) { saved_hops_ = std::move(hops); }

  void OnProcess(const decode::Header& header, const decode::ProcessSnapshot& snapshot);
  void OnSocket(const decode::Header& header, const decode::SocketSnapshot& snapshot);
  void OnDone(const decode::Header& header);
  // To be called about once a second: ends what turned out to have ended before the snapshot.
  void Settle();

 private:
  void AssignAll();
  void FindLogins();
  void FindLogin(process::Process& process);
  void FindConnections();
  void FindConnection(Connection& connection);
  void RestoreEntry(Connection& connection);
  void DropVanished();
  void EndAll(const std::vector<model::ProcessKey>& gone, uint64_t boot_ns);

  HostTables& tables_;
  SessionAssignment& assignment_;
  Entries& entries_;
  Logins& logins_;
  ProcessIntake& processes_;
  ConnectionReporter& reporter_;
  std::vector<model::HopEnd> saved_hops_;
  absl::flat_hash_set<uint64_t> sockets_;  // of the snapshot that comes in
  bool restored_ = false;                  // the first snapshot is over
  uint64_t done_boot_ns_ = 0;              // of the last one, until it is settled
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_RECONCILIATION_H_
