#include "agent/session/traffic.h"

namespace hoptrail::agent::session {
namespace {

// A busy relay reports not more often who uses one of its connections.
constexpr uint64_t kCarrierEveryNs = 1'000'000'000;

}  // namespace

void Traffic::OnTcp(const decode::Header& header, const decode::Tcp& tcp) {
  switch (tcp.phase) {
    case decode::TcpPhase::kListen:
      OnListen(header, tcp);
      return;
    case decode::TcpPhase::kConnect:
      OnConnect(header, tcp);
      return;
    case decode::TcpPhase::kEstablished:
      OnEstablished(header, tcp);
      return;
    case decode::TcpPhase::kFailed:
      if (Connection* connection = tables_.connections.Find(tcp.socket); connection != nullptr) {
        if (connection->side == model::HopSide::kClient) reporter_.CountFailure(*connection);
        tables_.connections.Erase(tcp.socket);
      }
      return;
    case decode::TcpPhase::kClosed:
      OnClosed(tcp);
      return;
    case decode::TcpPhase::kUnknown:
      return;
  }
}

void Traffic::OnListen(const decode::Header& header, const decode::Tcp& tcp) {
  process::Process* process = processes_.Update(header);
  if (process == nullptr) return;
  // A remote session that listens on loopback forwards connections of its own (sshd for X11 and
  // -R). They open no sessions: the children of the process stay in this one.
  const Node* node = tables_.NodeOf(*process);
  if (node == nullptr || !node->remote() || !tcp.flow.server.address.is_loopback()) {
    process->listens = true;
  }
}

void Traffic::OnConnect(const decode::Header& header, const decode::Tcp& tcp) {
  process::Process* process = processes_.Update(header);
  // The kernel has reused the socket's address: the close of the previous connection was lost.
  if (Connection* before = tables_.connections.Find(tcp.socket); before != nullptr) {
    tables_.emitter.AddLostClose(*before);
    OnClosed(tcp);
  }
  Connection* connection =
      tables_.connections.Ensure(tcp.socket, model::HopSide::kClient, tcp.flow);
  if (connection == nullptr || process == nullptr) return;
  ConnectionReporter::SetOwner(*connection, *process);
  connection->drivers = tables_.drivers.Of(*process, tables_.now_boot_ns);
  if (connection->drivers != nullptr) ClaimEntry(*process);
  if (connection->drivers == nullptr) connection->drivers = forwarding_.Of(*process);
  connection->session = process->session;
  process->last_connected = tcp.socket;
  Node* node = tables_.NodeOf(*process);
  if (node != nullptr && node->pending() && !tcp.flow.server.address.is_loopback())
    logins_.Promote(*node);
}

// A process that a server forked for a connection goes on to another host, or a program that it
// started does: the connection opened a session, whoever reads from it.
void Traffic::ClaimEntry(process::Process& process) {
  constexpr size_t kMaxAncestors = 8;
  process::Process* at = &process;
  for (size_t i = 0; i < kMaxAncestors && at != nullptr; ++i) {
    if (at->pending_accept != 0) {
      entries_.ClaimPending(*at);
      return;
    }
    at = tables_.processes.Find(at->parent);
  }
}

void Traffic::OnEstablished(const decode::Header& header, const decode::Tcp& tcp) {
  const bool client = tcp.side == decode::TcpSide::kClient;
  Connection* connection = tables_.connections.Find(tcp.socket);
  // A connection keeps its hop key, so with another key the kernel has reused the socket's address.
  if (connection != nullptr && !connection->hop_key.empty() && connection->hop_key != tcp.hop_key) {
    tables_.emitter.AddLostClose(*connection);
    OnClosed(tcp);
  }
  connection = tables_.connections.Ensure(
      tcp.socket, client ? model::HopSide::kClient : model::HopSide::kServer, tcp.flow);
  if (connection == nullptr) return;
  connection->flow = tcp.flow;
  connection->hop_key = tcp.hop_key;
  connection->network_namespace = tcp.network_namespace;
  connection->rtt_us = tcp.rtt_us;
  if (connection->established_boot_ns == 0) connection->established_boot_ns = header.boot_ns;
  // A server's connection is counted when a process accepts it. After a simultaneous open both
  // sides have connected, so each has an owner already.
  if (!client && connection->side == model::HopSide::kServer) return;
  connection->side = client ? model::HopSide::kClient : model::HopSide::kServer;
  // The transition may run in the context of any process, so its header is used only if the owner
  // is not known.
  if (connection->owner.empty()) {
    process::Process* process = tables_.processes.Find(header.process);
    if (process == nullptr) process = processes_.Update(header);
    if (process != nullptr) {
      ConnectionReporter::SetOwner(*connection, *process);
      connection->session = process->session;
    }
  }
  if (!connection->counted) reporter_.CountEdge(*connection);
  if (Node* node = tables_.sessions.Find(connection->session);
      node != nullptr && node->pending() && !tcp.flow.server.address.is_loopback()) {
    logins_.Promote(*node);
  }
  if (connection->reported == nullptr && reporter_.Qualifies(*connection))
    reporter_.Report(*connection);
}

void Traffic::OnClosed(const decode::Tcp& tcp) {
  Connection* connection = tables_.connections.Find(tcp.socket);
  if (connection == nullptr) return;
  if (connection->hop_key.empty()) connection->hop_key = tcp.hop_key;
  if (!connection->hop_key.empty()) {
    reporter_.CountEdge(*connection);
    reporter_.CountBytes(*connection, tcp.bytes_sent, tcp.bytes_received);
  }
  if (connection->side == model::HopSide::kServer) tables_.drivers.OnClosed(*connection);
  reporter_.ReportClosed(*connection, tcp.bytes_sent, tcp.bytes_received);
  if (Node* node = tables_.sessions.Find(connection->session);
      node != nullptr && node->entry_socket == tcp.socket) {
    node->entry_socket = 0;
    logins_.EndLogin(*node, tables_.now_boot_ns);
  }
  tables_.connections.Close(tcp.socket, tables_.now_boot_ns);
}

// Another process has the connection now. It belongs to the session of that process, unless it has
// opened a session of its own.
void Traffic::OnHandedOver(const decode::Header& header, const decode::Accept& accept) {
  process::Process* process = processes_.Update(header);
  const bool client = accept.side == decode::TcpSide::kClient;
  Connection* connection = tables_.connections.Ensure(
      accept.socket, client ? model::HopSide::kClient : model::HopSide::kServer, accept.flow);
  if (connection == nullptr || process == nullptr || connection->opened_session) return;
  if (connection->hop_key.empty()) connection->hop_key = accept.hop_key;
  if (connection->network_namespace == 0) {
    connection->network_namespace = accept.network_namespace;
  }
  reporter_.CountEdge(*connection);
  ConnectionReporter::SetOwner(*connection, *process);
  if (!client) {
    if (process::Process* head = entries_.HeadFor(*process, *connection, header.boot_ns);
        head != nullptr) {
      entries_.Open(*head, *connection, tables_.processes.Find(head->parent));
      return;
    }
    process->listens = true;
    process->last_accepted = accept.socket;
    Serve(*process, *connection);
  }
  connection->session = process->session;
  Node* node = tables_.NodeOf(*process);
  if (client && node != nullptr && node->pending() && !accept.flow.server.address.is_loopback()) {
    logins_.Promote(*node);
  }
  if (connection->reported != nullptr || reporter_.Qualifies(*connection))
    reporter_.Report(*connection);
}

void Traffic::OnAccept(const decode::Header& header, const decode::Accept& accept) {
  if (accept.handed_over) {
    OnHandedOver(header, accept);
    return;
  }
  process::Process* process = processes_.Update(header);
  Connection* connection =
      tables_.connections.Ensure(accept.socket, model::HopSide::kServer, accept.flow);
  if (connection == nullptr || process == nullptr) return;
  if (!accept.hop_key.empty()) connection->hop_key = accept.hop_key;
  if (accept.rtt_us != 0 && connection->rtt_us == 0) connection->rtt_us = accept.rtt_us;
  if (accept.network_namespace != 0) connection->network_namespace = accept.network_namespace;
  if (!connection->session.empty()) {
    CompleteEntry(*connection, accept);
    return;
  }
  if (process::Process* head = entries_.HeadFor(*process, *connection, header.boot_ns);
      head != nullptr) {
    ConnectionReporter::SetOwner(*connection, *process);
    reporter_.CountEdge(*connection);
    Node* opened = entries_.Open(*head, *connection, tables_.processes.Find(head->parent));
    TakeAlong(*head, *connection, opened);
    return;
  }
  Node* node = tables_.NodeOf(*process);
  if (node != nullptr && node->pending() && node->session.first_process == process->key &&
      node->entry_socket != accept.socket) {
    entries_.ReturnToListener(*node);
    node = tables_.NodeOf(*process);
  }
  // The connection drives the session of the accepting process until a child claims it.
  ConnectionReporter::SetOwner(*connection, *process);
  reporter_.CountEdge(*connection);
  process->listens = true;
  process->last_accepted = accept.socket;
  connection->session = process->session;
  Serve(*process, *connection);
  if (reporter_.Qualifies(*connection)) reporter_.ReportLater(*connection);
}

// Some kernels show an accept at the first use of the socket: a relay may have connected to its
// target before that. Null if the process has not.
Connection* Traffic::ConnectedFor(const process::Process& process, const Connection& connection) {
  Connection* last = tables_.connections.Find(process.last_connected);
  if (last == nullptr || last->owner != process.key || last->side != model::HopSide::kClient ||
      (last->established_boot_ns != 0 &&
       last->established_boot_ns < connection.established_boot_ns)) {
    return nullptr;
  }
  return last;
}

// The connection has opened a session of the process, which has connected before: so has the
// session.
void Traffic::TakeAlong(const process::Process& head, const Connection& entry, Node* opened) {
  Connection* last = ConnectedFor(head, entry);
  if (last == nullptr || opened == nullptr) return;
  last->session = opened->session.id;
  last->drivers.reset();
  if (opened->pending() && !last->flow.server.address.is_loopback()) logins_.Promote(*opened);
  if (last->reported != nullptr || reporter_.Qualifies(*last)) reporter_.Report(*last);
}

// The contents of the accepted connection may leave over an older one.
void Traffic::NoteCarrier(const process::Process& process, const Connection& accepted) {
  Connection* carrier = forwarding_.CarrierOf(process, accepted);
  if (carrier == nullptr || carrier->reported == nullptr ||
      carrier->later_boot_ns + kCarrierEveryNs > tables_.now_boot_ns) {
    return;
  }
  carrier->later_boot_ns = tables_.now_boot_ns;
  carrier->later_drivers = tables_.drivers.Of(process, tables_.now_boot_ns);
  reporter_.Report(*carrier);
}

void Traffic::Serve(process::Process& process, const Connection& connection) {
  tables_.drivers.OnServes(process, connection);
  Connection* last = ConnectedFor(process, connection);
  if (last == nullptr) {
    NoteCarrier(process, connection);
    return;
  }
  last->drivers = tables_.drivers.Of(process, tables_.now_boot_ns);
  if (last->reported != nullptr || reporter_.Qualifies(*last)) reporter_.Report(*last);
}

// An exec has claimed the connection before its accept was seen, without the hop key.
void Traffic::CompleteEntry(Connection& connection, const decode::Accept& accept) {
  Node* node = tables_.sessions.Find(connection.session);
  if (node == nullptr || node->entry_socket != accept.socket || !node->session.entry ||
      !node->session.entry->hop_key.empty() || accept.hop_key.empty()) {
    return;
  }
  node->session.entry->hop_key = accept.hop_key;
  if (node->reported) tables_.sessions.MarkDirty(*node);
  if (node->session.logged_in) reporter_.Report(connection);
}

void Traffic::OnDatagramFlow(const decode::Header& header, const decode::DatagramFlow& flow) {
  // The header shows the process at the start of the flow. It may have changed or ended since, so
  // only the first record of a flow updates the process.
  process::Process* process = tables_.processes.Find(header.process);
  if (process == nullptr && flow.first) process = processes_.Update(header);
  reporter_.CountDatagrams(header, process, flow);
}

}  // namespace hoptrail::agent::session
