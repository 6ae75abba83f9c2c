#include "agent/session/entries.h"

#include <algorithm>

namespace hoptrail::agent::session {
namespace {

// A process that started this long before it used the connection may have been forked for it. Used
// if the start of the connection was not seen.
constexpr uint64_t kFreshNs = 10'000'000'000;

// Nobody has logged in through the connection yet, unless the login was seen before it.
void BeginEntry(Node& node) {
  if (node.login >= LoginState::kLoggedIn) return;
  node.login = node.reported ? LoginState::kPromoted : LoginState::kPending;
}

}  // namespace

bool IsAcceptedTcp(const decode::Stream& stream) {
  return stream.kind == decode::StreamKind::kTcp && stream.accepted;
}

process::Process* Entries::HeadFor(process::Process& process, const Connection& connection,
                                   uint64_t boot_ns) {
  for (process::Process* head : {&process, tables_.processes.Find(process.tag)}) {
    if (head == nullptr || !head->alive() || head->listens) continue;
    const process::Process* listener = tables_.processes.Find(head->parent);
    if (listener == nullptr || !listener->listens) continue;
    const Node* node = tables_.NodeOf(*head);
    // A remote session that has its entry already. One whose login was seen before its connection
    // has none yet: this is its entry.
    if (node != nullptr && node->remote() && node->session.first_process == head->key &&
        node->session.entry.has_value()) {
      continue;
    }
    // A worker that started before the connection serves many.
    const bool for_it = connection.established_boot_ns != 0
                            ? head->key.start_boot_ns >= connection.established_boot_ns
                            : head->key.start_boot_ns + kFreshNs >= boot_ns;
    if (for_it) return head;
  }
  return nullptr;
}

// The listener's session is the one that the head leaves. If the head had a session of its own,
// since its fork was lost or late, it is the session of its parent.
void Entries::SetListener(Node& node, const model::SessionId& left,
                          const process::Process* listener) {
  if (left != node.session.id) {
    node.listener = left;
  } else if (node.listener.empty() && listener != nullptr && listener->session != left) {
    node.listener = listener->session;
  }
}

// The session may exist as a service. A service's user and unit say nothing about who logs in.
Node* Entries::NewRemote(const process::Process& head) {
  Node* node = tables_.sessions.Create(head, model::EntryKind::kRemote);
  if (!node->remote()) {
    node->session.user.clear();
    node->session.unit.clear();
  }
  node->session.kind = model::EntryKind::kRemote;
  node->from_remote = true;
  return node;
}

Node* Entries::Open(process::Process& head, Connection& connection, process::Process* listener) {
  const model::SessionId before = head.session;
  const bool from_remote = [&] {
    const Node* node = tables_.NodeOf(head);
    return node != nullptr && node->from_remote;
  }();
  Node* node = NewRemote(head);
  BeginEntry(*node);
  node->entry_socket = connection.socket;
  node->session.entry = model::Entry{
      connection.hop_key, connection.flow,
      connection.established_boot_ns != 0 ? connection.established_boot_ns : tables_.now_boot_ns};
  SetListener(*node, before, listener);
  // A listener that a remote session has left behind opens sessions without a cause. A process that
  // got the connection in another way was caused by the session that it leaves.
  if (before != node->session.id && listener == nullptr && from_remote) {
    node->session.caused_by = before;
  }
  if (listener != nullptr) {
    node->base_audit = listener->credentials.audit_session;
    node->listener_image = listener->image;
    if (listener->last_accepted == connection.socket) listener->last_accepted = 0;
  } else {
    node->base_audit = head.credentials.audit_session;
  }
  head.pending_accept = 0;
  Drivers::OnEntry(head);
  connection.session = node->session.id;
  connection.opened_session = true;
  ConnectionReporter::SetOwner(connection, head);
  opener_.MoveSubtree(head, *node);
  if (reporter_.Watched(connection.flow.server.port)) reporter_.ReportLater(connection);
  return node;
}

Node* Entries::ClaimPending(process::Process& process) {
  process::Process* head = &process;
  for (int i = 0; head != nullptr && i < 8; ++i) {
    Connection* connection = tables_.connections.Find(head->pending_accept);
    process::Process* listener = tables_.processes.Find(head->parent);
    if (connection != nullptr && !connection->opened_session && listener != nullptr &&
        listener->listens && !head->listens && listener->program() == head->program()) {
      return Open(*head, *connection, listener);
    }
    // A program that the server has started (a script that calls sudo) is not the server itself.
    if (listener == nullptr || listener->program() != head->program()) return nullptr;
    head = listener;
  }
  return nullptr;
}

// The accepted connection from that address and port that has opened no session. Visits all
// connections, so it is only for the case that records were lost.
Connection* Entries::UnclaimedFrom(const model::Endpoint& client) {
  Connection* found = nullptr;
  tables_.connections.ForEach([&](Connection& connection) {
    if (connection.side == model::HopSide::kServer && !connection.opened_session &&
        connection.flow.client == client) {
      found = &connection;
    }
  });
  return found;
}

void Entries::Attach(Node& node, const model::Endpoint& client) {
  process::Process* head = tables_.processes.Find(node.session.first_process);
  Connection* connection = UnclaimedFrom(client);
  if (head == nullptr || connection == nullptr) return;
  reporter_.CountEdge(*connection);
  Open(*head, *connection, tables_.processes.Find(head->parent));
  if (!node.pending()) reporter_.Report(*connection);
}

Node* Entries::Infer(process::Process& process, const model::Endpoint* client) {
  for (process::Process* head : {&process, tables_.processes.Find(process.tag)}) {
    if (head == nullptr || !head->alive() || head->listens) continue;
    process::Process* listener = tables_.processes.Find(head->parent);
    if (listener == nullptr || !listener->listens || listener->key.tgid == 1) continue;
    Connection* found = client == nullptr ? nullptr : UnclaimedFrom(*client);
    if (found != nullptr) return Open(*head, *found, listener);
    const model::SessionId before = head->session;
    Node* node = NewRemote(*head);
    BeginEntry(*node);
    node->base_audit = listener->credentials.audit_session;
    node->listener_image = listener->image;
    SetListener(*node, before, listener);
    opener_.MoveSubtree(*head, *node);
    return node;
  }
  return nullptr;
}

void Entries::ReturnToListener(Node& node) {
  Node* service = tables_.sessions.Find(node.listener);
  if (service == nullptr) return;
  if (Connection* connection = tables_.connections.Find(node.entry_socket); connection != nullptr) {
    connection->session = service->session.id;
    connection->opened_session = false;
  }
  const std::vector<model::ProcessKey> members(node.members.begin(), node.members.end());
  for (const model::ProcessKey& key : members) {
    if (process::Process* member = tables_.processes.Find(key); member != nullptr) {
      tables_.sessions.Join(*member, *service, tables_.now_boot_ns);
    }
  }
}

void Entries::OpenFromStreams(process::Process& process, const decode::Exec& exec) {
  for (const decode::Stream& stream : exec.streams) {
    if (!IsAcceptedTcp(stream)) continue;
    Connection* connection =
        tables_.connections.Ensure(stream.socket, model::HopSide::kServer, stream.flow);
    if (connection == nullptr) continue;
    if (connection->hop_key.empty()) connection->hop_key = stream.hop_key;
    if (connection->opened_session) continue;
    const Node* node = tables_.NodeOf(process);
    if (node != nullptr && node->entry_socket == stream.socket) continue;
    process::Process* parent = tables_.processes.Find(process.parent);
    const bool forked_for_it = parent != nullptr && parent->listens && !process.listens;
    reporter_.CountEdge(*connection);
    Open(process, *connection, forked_for_it ? parent : nullptr);
    return;
  }
}

void Entries::OpenHeld(process::Process& process) {
  const auto held = held_.find(process.key);
  if (held == held_.end() || process.listens) return;
  process::Process* parent = tables_.processes.Find(process.parent);
  if (parent == nullptr || !parent->listens) return;
  const auto above = held_.find(parent->key);
  for (uint64_t socket : held->second) {
    Connection* connection = tables_.connections.Find(socket);
    if (connection == nullptr || !connection->session.empty()) continue;
    if (above != held_.end() &&
        std::find(above->second.begin(), above->second.end(), socket) != above->second.end()) {
      continue;
    }
    if (!process.saved) Open(process, *connection, parent);
    return;
  }
}

}  // namespace hoptrail::agent::session
