// Connections: hop ends one by one where they matter, edges for all.

#include <algorithm>

#include "agent/session/correlator.h"

namespace hoptrail::agent::session {
namespace {

// A connection whose session is not settled yet is told after this long all the same.
constexpr uint64_t kReportLaterNs = 2'000'000'000;
constexpr uint64_t kBudgetNs = 60'000'000'000;

}  // namespace

bool Correlator::Watched(uint16_t port) const {
  return std::find(options_.watched_ports.begin(), options_.watched_ports.end(), port) !=
         options_.watched_ports.end();
}

void Correlator::Own(Connection& connection, const process::Process& process) {
  connection.owner = process.name;
  connection.image = process.image;
  connection.own_program = process.executed;
  connection.uid = process.credentials.euid;
}

model::EdgeCount& Correlator::Edge(const Connection& connection) {
  const bool client = connection.side == model::HopSide::kClient;
  return edges_.At(
      connection.side,
      connection.image == nullptr ? absl::string_view() : absl::string_view(connection.image->path),
      connection.uid, client ? connection.flow.server.address : connection.flow.client.address,
      connection.flow.server.port, now_wall_ns());
}

void Correlator::CountEdge(Connection& connection) {
  if (connection.counted) return;
  connection.counted = true;
  ++Edge(connection).connections;
}

bool Correlator::Qualifies(const Connection& connection) {
  if (Watched(connection.flow.server.port)) return true;
  const Node* node = sessions_.Find(connection.session);
  return node != nullptr && !node->pending && (node->from_remote || node->provenance.has_value());
}

void Correlator::ReportLater(Connection& connection) {
  if (connection.report_boot_ns != 0) return;
  connection.report_boot_ns = now_boot_ns() + kReportLaterNs;
  waiting_.emplace_back(connection.report_boot_ns, connection.socket);
}

// A session that connects to everything is told by its edges; its connections are told one by one
// only as far as they leave room for everybody else's.
bool Correlator::WithinBudget(const model::SessionId& id) {
  Node* node = sessions_.Find(id);
  if (node == nullptr) return true;
  if (node->budget_until_boot_ns <= now_boot_ns()) {
    node->budget_until_boot_ns = now_boot_ns() + kBudgetNs;
    node->hops_in_budget = 0;
  }
  if (node->hops_in_budget >= options_.max_hops_per_minute) {
    ++hops_dropped_;
    return false;
  }
  ++node->hops_in_budget;
  return true;
}

// Tells what is known of the connection now, whole.
void Correlator::Report(Connection& connection) {
  if (connection.hop_name.empty()) return;
  connection.report_boot_ns = 0;
  const bool first = connection.reported == nullptr;
  if (first && !connection.opened_session && !Watched(connection.flow.server.port) &&
      !WithinBudget(connection.session)) {
    return;
  }
  if (first) connection.reported = std::make_unique<model::HopEnd>();
  model::HopEnd& hop = *connection.reported;
  Node* node = sessions_.Find(connection.session);
  // Of a session that is forgotten by now, what was told of it stands: it may never have been.
  const bool known = node != nullptr ? !node->pending : hop.session == connection.session;
  hop.side = connection.side;
  hop.host = options_.host;
  hop.session = known ? connection.session : model::SessionId();
  hop.opened_session = connection.opened_session && known;
  hop.name = connection.hop_name;
  hop.flow = connection.flow;
  hop.network_namespace = connection.network_namespace;
  hop.rtt_us = connection.rtt_us;
  hop.established_boot_ns = connection.established_boot_ns;
  hop.established_wall_ns = connection.established_boot_ns == 0
                                ? 0
                                : options_.clock->WallFromBoot(connection.established_boot_ns);
  hop.process = connection.owner;
  hop.program = connection.image == nullptr ? std::string() : connection.image->path;
  hop.uid = connection.uid;
  hop.user = users_.Name(connection.uid, now_boot_ns());
  if (node != nullptr && known && !node->reported) sessions_.Touch(*node);
  hops_.push_back(hop);
  if (options_.store != nullptr) options_.store->SaveHop(hop);
}

void Correlator::On(const decode::Header& header, const decode::Tcp& tcp) {
  switch (tcp.phase) {
    case decode::TcpPhase::kListen:
      if (process::Process* process = Observe(header); process != nullptr) {
        // A forwarding that a session opens to its own host lets nobody in: the children of the
        // process stay in the session (sshd listens so for X11 and for -R).
        const Node* node = NodeOf(*process);
        if (node == nullptr || !node->remote() || !tcp.flow.server.address.is_loopback()) {
          process->listens = true;
        }
      }
      return;
    case decode::TcpPhase::kConnect:
      OnConnect(header, tcp);
      return;
    case decode::TcpPhase::kEstablished:
      OnEstablished(header, tcp);
      return;
    case decode::TcpPhase::kFailed:
      if (Connection* connection = connections_.Find(tcp.socket); connection != nullptr) {
        if (connection->side == model::HopSide::kClient) ++Edge(*connection).failures;
        connections_.Erase(tcp.socket);
      }
      return;
    case decode::TcpPhase::kClosed:
      OnClosed(tcp);
      return;
    case decode::TcpPhase::kUnknown:
      return;
  }
}

void Correlator::OnConnect(const decode::Header& header, const decode::Tcp& tcp) {
  process::Process* process = Observe(header);
  // A socket's address is used again: whatever was there is over.
  if (Connection* before = connections_.Find(tcp.socket); before != nullptr) {
    emitter_.FoundClosed(*before);
    OnClosed(tcp);
  }
  Connection* connection = connections_.Ensure(tcp.socket, model::HopSide::kClient, tcp.flow);
  if (connection == nullptr || process == nullptr) return;
  Own(*connection, *process);
  connection->session = process->session;
  Node* node = NodeOf(*process);
  if (node != nullptr && node->pending && !tcp.flow.server.address.is_loopback()) Reveal(*node);
}

void Correlator::OnEstablished(const decode::Header& header, const decode::Tcp& tcp) {
  const bool client = tcp.side == decode::TcpSide::kClient;
  Connection* connection = connections_.Find(tcp.socket);
  // A hop name is for life: another one means that the socket's address was used again.
  if (connection != nullptr && !connection->hop_name.empty() &&
      connection->hop_name != tcp.hop_name) {
    emitter_.FoundClosed(*connection);
    OnClosed(tcp);
  }
  connection = connections_.Ensure(
      tcp.socket, client ? model::HopSide::kClient : model::HopSide::kServer, tcp.flow);
  if (connection == nullptr) return;
  connection->flow = tcp.flow;
  connection->hop_name = tcp.hop_name;
  connection->network_namespace = tcp.network_namespace;
  connection->rtt_us = tcp.rtt_us;
  if (connection->established_boot_ns == 0) connection->established_boot_ns = header.boot_ns;
  // The server's side counts when a process gets hold of it; where both sides connected, each has
  // its owner already.
  if (!client && connection->side == model::HopSide::kServer) return;
  connection->side = client ? model::HopSide::kClient : model::HopSide::kServer;
  // The transition happens outside the caller's context: its header is taken only where nothing
  // better is known.
  if (connection->owner.empty()) {
    process::Process* process = processes_.Find(header.process);
    if (process == nullptr) process = Observe(header);
    if (process != nullptr) {
      Own(*connection, *process);
      connection->session = process->session;
    }
  }
  if (!connection->counted) CountEdge(*connection);
  if (Node* node = sessions_.Find(connection->session);
      node != nullptr && node->pending && !tcp.flow.server.address.is_loopback()) {
    Reveal(*node);
  }
  if (connection->reported == nullptr && Qualifies(*connection)) Report(*connection);
}

void Correlator::OnClosed(const decode::Tcp& tcp) {
  Connection* connection = connections_.Find(tcp.socket);
  if (connection == nullptr) return;
  if (connection->hop_name.empty()) connection->hop_name = tcp.hop_name;
  if (!connection->hop_name.empty()) {
    CountEdge(*connection);
    model::EdgeCount& edge = Edge(*connection);
    edge.bytes_sent += tcp.bytes_sent;
    edge.bytes_received += tcp.bytes_received;
  }
  if (connection->reported != nullptr || connection->report_boot_ns != 0) {
    Report(*connection);
    if (connection->reported != nullptr) {
      model::HopEnd& hop = hops_.back();
      hop.bytes_sent = tcp.bytes_sent;
      hop.bytes_received = tcp.bytes_received;
      hop.closed_wall_ns = now_wall_ns();
      if (options_.store != nullptr) options_.store->RemoveHop(hop.side, hop.name);
    }
  }
  if (Node* node = sessions_.Find(connection->session);
      node != nullptr && node->entry_socket == tcp.socket) {
    node->entry_socket = 0;
    EndLogin(*node, now_boot_ns());
  }
  connections_.Erase(tcp.socket);
}

// The connection is another process's now: of another session, or of none if it was let in by a
// session of its own.
void Correlator::OnHandedOver(const decode::Header& header, const decode::Accept& accept) {
  process::Process* process = Observe(header);
  const bool client = accept.side == decode::TcpSide::kClient;
  Connection* connection = connections_.Ensure(
      accept.socket, client ? model::HopSide::kClient : model::HopSide::kServer, accept.flow);
  if (connection == nullptr || process == nullptr || connection->opened_session) return;
  if (connection->hop_name.empty()) connection->hop_name = accept.hop_name;
  if (connection->network_namespace == 0) {
    connection->network_namespace = accept.network_namespace;
  }
  CountEdge(*connection);
  Own(*connection, *process);
  if (!client) {
    if (process::Process* head = ConnectionHead(*process, *connection, header.boot_ns);
        head != nullptr) {
      OpenConnection(*head, *connection, processes_.Find(head->parent));
      return;
    }
    process->listens = true;
    process->last_accepted = accept.socket;
  }
  connection->session = process->session;
  Node* node = NodeOf(*process);
  if (client && node != nullptr && node->pending && !accept.flow.server.address.is_loopback()) {
    Reveal(*node);
  }
  if (connection->reported != nullptr || Qualifies(*connection)) Report(*connection);
}

void Correlator::On(const decode::Header& header, const decode::Accept& accept) {
  if (accept.handed_over) {
    OnHandedOver(header, accept);
    return;
  }
  process::Process* process = Observe(header);
  Connection* connection = connections_.Ensure(accept.socket, model::HopSide::kServer, accept.flow);
  if (connection == nullptr || process == nullptr) return;
  if (!accept.hop_name.empty()) connection->hop_name = accept.hop_name;
  if (accept.rtt_us != 0 && connection->rtt_us == 0) connection->rtt_us = accept.rtt_us;
  if (accept.network_namespace != 0) connection->network_namespace = accept.network_namespace;
  if (!connection->session.empty()) {
    // Claimed before, at exec. What was not known then is now.
    Node* node = sessions_.Find(connection->session);
    if (node != nullptr && node->entry_socket == accept.socket && node->session.entry &&
        node->session.entry->hop_name.empty() && !accept.hop_name.empty()) {
      node->session.entry->hop_name = accept.hop_name;
      if (node->reported) sessions_.Touch(*node);
      if (node->session.logged_in) Report(*connection);
    }
    return;
  }
  if (process::Process* head = ConnectionHead(*process, *connection, header.boot_ns);
      head != nullptr) {
    Own(*connection, *process);
    CountEdge(*connection);
    OpenConnection(*head, *connection, processes_.Find(head->parent));
    return;
  }
  Node* node = NodeOf(*process);
  if (node != nullptr && node->pending && node->session.first_process == process->name &&
      node->entry_socket != accept.socket) {
    ReturnToListener(*node);
    node = NodeOf(*process);
  }
  // It drives the session of the process that accepts, until a child claims it.
  Own(*connection, *process);
  CountEdge(*connection);
  process->listens = true;
  process->last_accepted = accept.socket;
  connection->session = process->session;
  if (Qualifies(*connection)) ReportLater(*connection);
}

}  // namespace hoptrail::agent::session
