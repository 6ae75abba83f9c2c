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

// Reports connections: those that matter one by one as hop ends, all of them as counts of edges.
// Does not decide which session a connection has. Hop ends are kept until Flush(), so that the
// sessions that they name are reported first. Not thread-safe.
class ConnectionReporter {
 public:
  struct Options {
    std::vector<uint16_t> watched_ports = {22};
    size_t max_edges = 4'096;
    // Connections of one session to unwatched ports. Further ones are only counted in edges.
    uint32_t max_hops_per_minute = 1'000;
  };

  ConnectionReporter(Options options, HostTables* tables);

  // Makes `process` the owner of the connection.
  static void SetOwner(Connection& connection, const process::Process& process) {
    connection.owner = process.key;
    connection.image = process.image;
    connection.own_program = process.executed;
    connection.uid = process.credentials.euid;
  }

  // Counts the connection in its edge, once.
  void CountEdge(Connection& connection) {
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
  // Whether the connection is reported as a hop end: it leads to a watched port, its session came
  // from another host, or it may have been caused by a connection that is reported or by another
  // session.
  bool Qualifies(const Connection& connection) const;
  // Something was done that these connections may be the reason for.
  void NoteDrives(const process::DrivingConnections& drivers);
  // The collector asks for this end of a connection: reports it, and what it has caused so far.
  // Nothing happens if it is not known, or no more.
  void ReportAsked(const model::HopKey& key);
  // Reports everything that is known about the connection now.
  void Report(Connection& connection);
  // More sessions may be what makes the connection's session act: reports the connection again if
  // that is new.
  void AddDrivers(Connection& connection, const model::Drivers& drivers);
  // Reports it in two seconds if Report() is not called before, because its session may still
  // change.
  void ReportLater(Connection& connection);
  void ReportWaiting(uint64_t until_boot_ns);
  // The connection is closed: reports it if it was reported before or waits to be.
  void ReportClosed(Connection& connection, uint64_t bytes_sent, uint64_t bytes_received);
  // A connection that the previous run of the agent has reported was closed while no agent ran.
  void ReportVanished(model::HopEnd hop);
  // Repeats the last report, because the collector has lost it.
  void ReportAgain(const Connection& connection);

  // `report(const model::HopEnd&)`
  template <typename Callback>
  void Flush(Callback report) {
    for (const model::HopEnd& hop : hops_) report(hop);
    hops_.clear();
  }
  void FlushEdges(Output& output, bool current_too) {
    edges_.Flush(tables_.clock->WallNs(), output, current_too);
  }
  // How many hop ends exceeded the budget of their session since the last call.
  uint64_t TakeDropped() { return std::exchange(dropped_, 0); }

 private:
  model::EdgeCount& Edge(const Connection& connection);
  Connection* Find(const process::DrivingConnection& driver) const;
  void ReportAlone(Connection& connection);
  void ReportDrivers(const Connection& connection);
  // The sessions that may have made the connection's session open it, beside that session's own
  // login.
  model::Drivers DriversOf(const Connection& connection) const;
  // The sessions among these.
  model::Drivers SessionsActing(const Connection& connection) const;
  bool WithinBudget(const model::SessionId& id);

  const Options options_;
  HostTables& tables_;
  EdgeCounter edges_;
  std::deque<std::pair<uint64_t, uint64_t>> waiting_;  // (boot time, socket) from ReportLater()
  std::vector<model::HopEnd> hops_;                    // until Flush()
  uint64_t dropped_ = 0;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_CONNECTION_REPORTER_H_
