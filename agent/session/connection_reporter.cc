#include "agent/session/connection_reporter.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace hoptrail::agent::session {
namespace {

constexpr uint64_t kReportLaterNs = 2'000'000'000;

}  // namespace

ConnectionReporter::ConnectionReporter(Options options, HostTables* tables)
    : options_(std::move(options)), tables_(*tables), edges_(tables->host, options_.max_edges) {}

model::EdgeCount& ConnectionReporter::Edge(const Connection& connection) {
  const bool client = connection.side == model::HopSide::kClient;
  return edges_.At(
      connection.side,
      connection.image == nullptr ? absl::string_view() : absl::string_view(connection.image->path),
      connection.uid, client ? connection.flow.server.address : connection.flow.client.address,
      connection.flow.server.port, tables_.now_wall_ns());
}

void ConnectionReporter::CountFailure(const Connection& connection) { ++Edge(connection).failures; }

void ConnectionReporter::CountBytes(const Connection& connection, uint64_t sent,
                                    uint64_t received) {
  model::EdgeCount& edge = Edge(connection);
  edge.bytes_sent += sent;
  edge.bytes_received += received;
}

void ConnectionReporter::CountDatagrams(const decode::Header& header,
                                        const process::Process* process,
                                        const decode::DatagramFlow& flow) {
  const bool server = flow.local_port != 0;
  model::EdgeCount& edge =
      edges_.At(server ? model::HopSide::kServer : model::HopSide::kClient,
                process == nullptr ? absl::string_view() : process->program(),
                header.credentials.euid, flow.peer.address,
                server ? flow.local_port : flow.peer.port, tables_.now_wall_ns(), flow.protocol);
  if (flow.first) ++edge.connections;
  edge.bytes_sent += flow.bytes;
}

bool ConnectionReporter::Qualifies(const Connection& connection) const {
  if (Watched(connection.flow.server.port)) return true;
  const Node* node = tables_.sessions.Find(connection.session);
  if (node == nullptr || node->pending()) return false;
  if (node->from_remote || node->provenance.has_value() || !node->session.drivers.empty()) {
    return true;
  }
  if (!SessionsActing(connection).empty()) return true;
  if (connection.drivers == nullptr) return false;
  return std::any_of(connection.drivers->begin(), connection.drivers->end(), [&](const auto& each) {
    const Connection* driver = Find(each);
    return driver != nullptr && driver->reported != nullptr;
  });
}

Connection* ConnectionReporter::Find(const process::DrivingConnection& driver) const {
  Connection* open = tables_.connections.Find(driver.socket);
  if (open != nullptr && open->hop_key == driver.hop_key) return open;
  return tables_.connections.FindClosed(driver.hop_key);
}

void ConnectionReporter::NoteDrives(const process::DrivingConnections& drivers) {
  for (const process::DrivingConnection& each : drivers) {
    Connection* driver = Find(each);
    if (driver == nullptr || driver->drives) continue;
    driver->drives = true;
    if (driver->reported != nullptr) Report(*driver);
  }
}

void ConnectionReporter::ReportAsked(const model::HopKey& key) {
  Connection* asked = tables_.connections.FindByKey(key);
  if (asked == nullptr || asked->reported != nullptr) return;
  std::vector<Connection*> caused;
  const auto find_caused = [&](Connection& each) {
    if (each.drivers == nullptr || each.reported != nullptr) return;
    const bool by_it = std::any_of(each.drivers->begin(), each.drivers->end(),
                                   [&](const auto& driver) { return driver.hop_key == key; });
    if (by_it) caused.push_back(&each);
  };
  tables_.connections.ForEach(find_caused);
  tables_.connections.ForEachClosed(find_caused);
  asked->drives = asked->drives || !caused.empty();
  Report(*asked);
  for (Connection* each : caused) Report(*each);
}

// The connections that drove a session go before what they caused.
void ConnectionReporter::ReportDrivers(const Connection& connection) {
  for (const Drivers::List& list : {connection.drivers, connection.later_drivers}) {
    if (list == nullptr) continue;
    for (const process::DrivingConnection& each : *list) {
      Connection* driver = Find(each);
      if (driver == nullptr || driver->session != connection.session) continue;
      if (driver->drives && driver->reported != nullptr) continue;
      driver->drives = true;
      ReportAlone(*driver);
    }
  }
}

// Without the connection that opened the session, unless its process passes on what that carries,
// and those of other sessions.
model::Drivers ConnectionReporter::DriversOf(const Connection& connection) const {
  model::Drivers drivers;
  const Node* node = tables_.sessions.Find(connection.session);
  const auto add = [&](const Drivers::List& list, bool later) {
    if (list == nullptr) return;
    for (const process::DrivingConnection& each : *list) {
      const bool entry = node != nullptr && node->session.entry.has_value() &&
                         node->session.entry->hop_key == each.hop_key;
      const Connection* driver = Find(each);
      const bool foreign = driver != nullptr && driver->session != connection.session;
      if ((entry && !each.forwards) || foreign || drivers.size() == model::kMaxDrivers) continue;
      drivers.push_back({.hop_key = each.hop_key, .probability = each.probability, .later = later});
    }
  };
  add(connection.drivers, /*later=*/false);
  add(connection.later_drivers, /*later=*/true);
  return connection.sessions_acting.empty() ? drivers
                                            : MergeDrivers(drivers, connection.sessions_acting);
}

// Those who act on the process later have not made it open the connection.
model::Drivers ConnectionReporter::SessionsActing(const Connection& connection) const {
  if (connection.side != model::HopSide::kClient) return {};
  return tables_.influences.DriversOf(connection.owner, connection.established_boot_ns != 0
                                                            ? connection.established_boot_ns
                                                            : tables_.now_boot_ns);
}

void ConnectionReporter::AddDrivers(Connection& connection, const model::Drivers& drivers) {
  if (drivers.empty() || connection.side != model::HopSide::kClient) return;
  if (connection.reported == nullptr) Report(connection);
  if (connection.reported == nullptr) return;
  model::Drivers merged = MergeDrivers(connection.sessions_acting, drivers);
  if (merged == connection.sessions_acting) return;
  connection.sessions_acting = std::move(merged);
  Report(connection);
}

void ConnectionReporter::ReportLater(Connection& connection) {
  if (connection.report_boot_ns != 0) return;
  connection.report_boot_ns = tables_.now_boot_ns + kReportLaterNs;
  waiting_.emplace_back(connection.report_boot_ns, connection.socket);
}

void ConnectionReporter::ReportWaiting(uint64_t until_boot_ns) {
  while (!waiting_.empty() && waiting_.front().first <= until_boot_ns) {
    Connection* connection = tables_.connections.Find(waiting_.front().second);
    waiting_.pop_front();
    if (connection == nullptr || connection->report_boot_ns == 0) continue;
    connection->report_boot_ns = 0;
    Report(*connection);
  }
}

// A session that scans the network must not crowd out the hop ends of others: its edges still count
// all of its connections.
bool ConnectionReporter::WithinBudget(const model::SessionId& id) {
  Node* node = tables_.sessions.Find(id);
  if (node == nullptr) return true;
  if (node->hop_budget.Take(tables_.now_boot_ns, options_.max_hops_per_minute)) return true;
  ++dropped_;
  return false;
}

void ConnectionReporter::Report(Connection& connection) {
  if (connection.hop_key.empty()) return;
  ReportDrivers(connection);
  ReportAlone(connection);
}

void ConnectionReporter::ReportAlone(Connection& connection) {
  if (connection.hop_key.empty()) return;
  connection.report_boot_ns = 0;
  const bool first = connection.reported == nullptr;
  if (first && !connection.opened_session && !Watched(connection.flow.server.port) &&
      !WithinBudget(connection.session)) {
    return;
  }
  if (first) connection.reported = std::make_unique<model::HopEnd>();
  model::HopEnd& hop = *connection.reported;
  Node* node = tables_.sessions.Find(connection.session);
  // A session that is forgotten may never have been reported. Only the one in the last report of
  // this connection is known to have been.
  const bool known = node != nullptr ? !node->pending() : hop.session == connection.session;
  if (first) connection.sessions_acting = SessionsActing(connection);
  hop.side = connection.side;
  hop.host = tables_.host;
  hop.session = known ? connection.session : model::SessionId();
  hop.opened_session = connection.opened_session && known;
  hop.hop_key = connection.hop_key;
  hop.flow = connection.flow;
  hop.network_namespace = connection.network_namespace;
  hop.rtt_us = connection.rtt_us;
  hop.established_boot_ns = connection.established_boot_ns;
  hop.established_wall_ns = connection.established_boot_ns == 0
                                ? 0
                                : tables_.clock->WallFromBoot(connection.established_boot_ns);
  hop.process = connection.owner;
  hop.program = connection.image == nullptr ? std::string() : connection.image->path;
  hop.uid = connection.uid;
  hop.user = tables_.UserName(connection.uid);
  hop.drivers = DriversOf(connection);
  hop.drives = connection.drives;
  hop.bytes_sent = connection.bytes_sent;
  hop.bytes_received = connection.bytes_received;
  if (connection.closed_boot_ns != 0) {
    hop.closed_wall_ns = tables_.clock->WallFromBoot(connection.closed_boot_ns);
  }
  if (node != nullptr && known && !node->reported) tables_.sessions.MarkDirty(*node);
  hops_.push_back(hop);
  if (tables_.store == nullptr) return;
  if (hop.closed_wall_ns == 0) {
    tables_.store->SaveHop(hop);
  } else {
    tables_.store->RemoveHop(hop.side, hop.hop_key);
  }
}

void ConnectionReporter::ReportClosed(Connection& connection, uint64_t bytes_sent,
                                      uint64_t bytes_received) {
  connection.bytes_sent = bytes_sent;
  connection.bytes_received = bytes_received;
  connection.closed_boot_ns = tables_.now_boot_ns;
  if (connection.reported != nullptr || connection.report_boot_ns != 0) Report(connection);
}

void ConnectionReporter::ReportVanished(model::HopEnd hop) {
  hop.closed_wall_ns = tables_.now_wall_ns();
  if (tables_.store != nullptr) tables_.store->RemoveHop(hop.side, hop.hop_key);
  hops_.push_back(std::move(hop));
}

void ConnectionReporter::ReportAgain(const Connection& connection) {
  if (connection.reported != nullptr) hops_.push_back(*connection.reported);
}

}  // namespace hoptrail::agent::session
