#include "agent/session/traffic.h"

namespace hoptrail::agent::session {

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
  // A forwarding that a session opens to its own host lets nobody in: the children of the process
  // stay in the session (sshd listens so for X11 and for -R).
  const Node* node = tables_.NodeOf(*process);
  if (node == nullptr || !node->remote() || !tcp.flow.server.address.is_loopback()) {
    process->listens = true;
  }
}

void Traffic::OnConnect(const decode::Header& header, const decode::Tcp& tcp) {
  process::Process* process = processes_.Update(header);
  // A socket's address is used again: whatever was there is over.
  if (Connection* before = tables_.connections.Find(tcp.socket); before != nullptr) {
    tables_.emitter.FoundClosed(*before);
    OnClosed(tcp);
  }
  Connection* connection =
      tables_.connections.Ensure(tcp.socket, model::HopSide::kClient, tcp.flow);
  if (connection == nullptr || process == nullptr) return;
  ConnectionReporter::Own(*connection, *process);
  connection->session = process->session;
  Node* node = tables_.NodeOf(*process);
  if (node != nullptr && node->pending() && !tcp.flow.server.address.is_loopback())
    logins_.Promote(*node);
}

void Traffic::OnEstablished(const decode::Header& header, const decode::Tcp& tcp) {
  const bool client = tcp.side == decode::TcpSide::kClient;
  Connection* connection = tables_.connections.Find(tcp.socket);
  // A hop key is for life: another one means that the socket's address was used again.
  if (connection != nullptr && !connection->hop_key.empty() && connection->hop_key != tcp.hop_key) {
    tables_.emitter.FoundClosed(*connection);
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
  // The server's side counts when a process gets hold of it; where both sides connected, each has
  // its owner already.
  if (!client && connection->side == model::HopSide::kServer) return;
  connection->side = client ? model::HopSide::kClient : model::HopSide::kServer;
  // The transition happens outside the caller's context: its header is taken only where nothing
  // better is known.
  if (connection->owner.empty()) {
    process::Process* process = tables_.processes.Find(header.process);
    if (process == nullptr) process = processes_.Update(header);
    if (process != nullptr) {
      ConnectionReporter::Own(*connection, *process);
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
  reporter_.ReportClosed(*connection, tcp.bytes_sent, tcp.bytes_received);
  if (Node* node = tables_.sessions.Find(connection->session);
      node != nullptr && node->entry_socket == tcp.socket) {
    node->entry_socket = 0;
    logins_.EndLogin(*node, tables_.now_boot_ns);
  }
  tables_.connections.Erase(tcp.socket);
}

// The connection is another process's now: of another session, or of none if it was let in by a
// session of its own.
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
  ConnectionReporter::Own(*connection, *process);
  if (!client) {
    if (process::Process* head = entries_.HeadFor(*process, *connection, header.boot_ns);
        head != nullptr) {
      entries_.Open(*head, *connection, tables_.processes.Find(head->parent));
      return;
    }
    process->listens = true;
    process->last_accepted = accept.socket;
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
    OnClaimedBefore(*connection, accept);
    return;
  }
  if (process::Process* head = entries_.HeadFor(*process, *connection, header.boot_ns);
      head != nullptr) {
    ConnectionReporter::Own(*connection, *process);
    reporter_.CountEdge(*connection);
    entries_.Open(*head, *connection, tables_.processes.Find(head->parent));
    return;
  }
  Node* node = tables_.NodeOf(*process);
  if (node != nullptr && node->pending() && node->session.first_process == process->name &&
      node->entry_socket != accept.socket) {
    entries_.ReturnToListener(*node);
    node = tables_.NodeOf(*process);
  }
  // It drives the session of the process that accepts, until a child claims it.
  ConnectionReporter::Own(*connection, *process);
  reporter_.CountEdge(*connection);
  process->listens = true;
  process->last_accepted = accept.socket;
  connection->session = process->session;
  if (reporter_.Qualifies(*connection)) reporter_.ReportLater(*connection);
}

// At exec. What was not known then is now.
void Traffic::OnClaimedBefore(Connection& connection, const decode::Accept& accept) {
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
  // The header shows the process as it was when the flow began. Later it may have become someone
  // else, or have ended; nothing of it is taken over then.
  process::Process* process = tables_.processes.Find(header.process);
  if (process == nullptr && flow.first) process = processes_.Update(header);
  reporter_.CountDatagrams(header, process, flow);
}

void Traffic::OnUnixConnect(const decode::Header& header, const decode::UnixConnect& connect) {
  process::Process* process = processes_.Update(header);
  Node* node = process == nullptr ? nullptr : tables_.NodeOf(*process);
  if (node == nullptr) return;
  const process::Process* peer = tables_.processes.Find(connect.peer);
  const model::SessionId owner = peer == nullptr ? model::SessionId() : peer->session;
  if (!owner.empty() && owner == node->session.id) return;
  node->unix_uses.Add({.path = connect.path,
                       .owner = owner,
                       .owner_process = connect.peer,
                       .owner_uid = connect.peer_uid,
                       .process = header.process,
                       .first_boot_ns = header.boot_ns,
                       .last_boot_ns = header.boot_ns,
                       .connects = connect.count});
}

}  // namespace hoptrail::agent::session
