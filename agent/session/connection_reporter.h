#ifndef HOPTRAIL_AGENT_SESSION_CONNECTION_REPORTER_H_
#define HOPTRAIL_AGENT_SESSION_CONNECTION_REPORTER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "agent/decode/event.h"
#include "agent/session/edge_counter.h"
#include "agent/session/host_tables.h"

namespace hoptrail::agent::session {

// Reports connections: one by one as hop ends where they matter, counted in edges for all. Knows
// nothing of how a connection gets its session. Hop ends are collected until Flush(), so that the
// sessions that they name go first. Not thread-safe.
class ConnectionReporter {
 public:
  struct Options {
    std::vector<uint16_t> watched_ports = {22};
    size_t max_edges = 4'096;
    // Of one session, to ports that are not watched; more are counted in edges alone.
    uint32_t max_hops_per_minute = 1'000;
  };

  ConnectionReporter(Options options, HostTables* tables);

  // `process` has the connection from now on.
  static void Own(Connection& connection, const process::Process& process) {
    connection.owner = process.name;
    connection.image = process.image;
    connection.own_program = process.executed;
    connection.uid = process.credentials.euid;
  }

  void CountEdge(Connection& connection) {  // once
    if (connection.counted) return;
    connection.counted = true;
    ++Edge(connection).connections;
  }
  void CountFailure(const Connection& connection);
  void CountBytes(const Connection& connection, uint64_t sent, uint64_t received);
  void CountDatagrams(const decode::Header& header, const process::Process* process,
                      const decode::DatagramFlow& flow);

  bool Watched(uint16_t port) const {
    return std::find(options_.watched_ports.begin(), options_.watched_ports.end(), port) !=
           options_.watched_ports.end();
  }
  // Whether it is reported one by one: to a watched port, or of a session that came from elsewhere.
  bool Qualifies(const Connection& connection) const;
  // What is known of the connection now, whole.
  void Report(Connection& connection);
  // The same in two seconds, unless it is reported before: its session is not settled.
  void ReportLater(Connection& connection);
  void ReportWaiting(uint64_t until_boot_ns);
  // Its last report, if it was ever to be reported.
  void ReportClosed(Connection& connection, uint64_t bytes_sent, uint64_t bytes_received);
  // One of the last run's, whose connection is over.
  void ReportVanished(model::HopEnd hop);
  // As it was last reported; the collector has lost it.
  void ReportAgain(const Connection& connection);

  // `report(const model::HopEnd&)`
  template <typename Callback>
  void Flush(Callback report) {
    for (const model::HopEnd& hop : hops_) report(hop);
    hops_.clear();
  }
  void FlushEdges(Output& output, bool present_too) {
    edges_.Flush(tables_.clock->WallNs(), output, present_too);
  }
  // Hop ends beyond a session's budget since the last call.
  uint64_t TakeDropped() { return std::exchange(dropped_, 0); }

 private:
  model::EdgeCount& Edge(const Connection& connection);
  bool WithinBudget(const model::SessionId& id);

  const Options options_;
  HostTables& tables_;
  EdgeCounter edges_;
  std::deque<std::pair<uint64_t, uint64_t>> waiting_;  // (boot time, socket) of ReportLater
  std::vector<model::HopEnd> hops_;                    // to be reported at the end of the event
  uint64_t dropped_ = 0;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_CONNECTION_REPORTER_H_
