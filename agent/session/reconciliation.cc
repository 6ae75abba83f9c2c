#include "agent/session/reconciliation.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"

#include "agent/session/program_names.h"

namespace hoptrail::agent::session {
namespace {

// Records that waited in the rings while a snapshot was taken have been read after this time.
constexpr uint64_t kSettleNs = 2'000'000'000;

}  // namespace

void Reconciliation::OnProcess(const decode::Header& header,
                               const decode::ProcessSnapshot& snapshot) {
  tables_.processes.BeginSnapshot(header.boot_ns);
  tables_.processes.MarkInSnapshot(header.process);
  process::Process* process = tables_.processes.Find(header.process);
  if (process != nullptr && !process->alive()) return;  // ended after its row was written
  // Events know more about a process than its snapshot row does, unless its exec was lost.
  if (process != nullptr && !tables_.processes.IsNewImage(*process, snapshot.image, header.boot_ns))
    return;
  const bool exec_missed = process != nullptr && process->own_events;
  // A process that has a session may log in and end before the snapshot is complete, so it is
  // updated now. The others are assigned when it is complete.
  const bool assigned = process != nullptr && !process->session.empty();
  process = assigned ? processes_.Update(header) : processes_.Upsert(header);
  if (process == nullptr) return;
  tables_.processes.SetControlGroups(*process, snapshot.cgroups);
  processes_.SetImage(*process, snapshot.image, header.boot_ns);
  process->exec_missed = exec_missed;
  if (assigned) assignment_.containers().Follow(*process);
}

void Reconciliation::OnSocket(const decode::Header& header,
                              const decode::SocketSnapshot& snapshot) {
  tables_.processes.BeginSnapshot(header.boot_ns);
  process::Process* process = tables_.processes.Find(header.process);
  if (process == nullptr) {
    process = processes_.Upsert(header);
    tables_.processes.MarkInSnapshot(header.process);
  }
  if (process == nullptr) return;
  if (snapshot.listening) {
    process->listens = true;
    return;
  }
  const bool client = snapshot.side == decode::TcpSide::kClient;
  if (snapshot.side == decode::TcpSide::kUnknown) return;
  Connection* connection = tables_.connections.Ensure(
      snapshot.socket, client ? model::HopSide::kClient : model::HopSide::kServer, snapshot.flow);
  if (connection == nullptr) return;
  sockets_.insert(snapshot.socket);
  if (!client) entries_.AddHeld(process->key, snapshot.socket);
  if (!connection->session.empty()) return;  // known from events
  connection->hop_key = snapshot.hop_key;
  connection->network_namespace = snapshot.network_namespace;
  connection->rtt_us = snapshot.rtt_us;
  if (connection->established_boot_ns == 0)
    connection->counted = true;  // the previous run counted it, or nobody did
  // The oldest process that holds the socket owns it: the others have inherited it.
  if (connection->owner.empty() || process->key.start_boot_ns < connection->owner.start_boot_ns) {
    connection->owner = process->key;
  }
}

void Reconciliation::OnDone(const decode::Header& header) {
  const std::vector<model::ProcessKey> ended = tables_.processes.EndSnapshot();
  AssignAll();
  FindLogins();
  FindConnections();
  EndAll(ended, header.boot_ns);
  DropVanished();
  entries_.ForgetHeld();
  sockets_.clear();
  done_boot_ns_ = header.boot_ns;
}

// A snapshot overtakes the records that wait in the rings, and many wait when it is taken because
// others were lost.
void Reconciliation::Settle() {
  if (done_boot_ns_ == 0 || tables_.now_boot_ns < done_boot_ns_ + kSettleNs) return;
  EndAll(tables_.processes.SettleSnapshot(), std::exchange(done_boot_ns_, 0));
}

void Reconciliation::EndAll(const std::vector<model::ProcessKey>& ended, uint64_t boot_ns) {
  for (const model::ProcessKey& key : ended) {
    if (process::Process* process = tables_.processes.Find(key); process != nullptr) {
      processes_.EndWithLostExit(*process, boot_ns);
    }
  }
}

void Reconciliation::AssignAll() {
  std::vector<process::Process*> orphans;
  std::vector<process::Process*> unassigned;
  tables_.processes.ForEach([&](process::Process& process) {
    if (process.session.empty() && process.alive()) unassigned.push_back(&process);
  });
  // Ordered by start time, so that a container's session begins with its first process.
  std::sort(unassigned.begin(), unassigned.end(), [](const auto* a, const auto* b) {
    return std::pair(a->key.start_boot_ns, a->key.tgid) <
           std::pair(b->key.start_boot_ns, b->key.tgid);
  });
  for (process::Process* process : unassigned) {
    // A process that has an audit session but has lost its parent was left behind by a login. That
    // login must be found before the process and its descendants can be assigned.
    const process::Process* top = process;
    for (int i = 0; i < 64 && top->session.empty(); ++i) {
      if (assignment_.WasSaved(top->key)) break;
      const process::Process* parent = tables_.processes.Find(top->parent);
      if (parent == nullptr || parent->key.tgid == 1) break;
      top = parent;
    }
    const bool orphan = top->session.empty() && !assignment_.WasSaved(top->key) &&
                        top->credentials.audit_session != model::kNoLogin;
    if (orphan) {
      orphans.push_back(process);
    } else {
      processes_.Assign(*process);
    }
  }
  FindLogins();
  for (process::Process* process : orphans) processes_.Assign(*process);
}

void Reconciliation::FindLogins() {
  tables_.processes.ForEach([&](process::Process& process) { FindLogin(process); });
}

void Reconciliation::FindLogin(process::Process& process) {
  if (!process.alive()) return;
  Node* node = tables_.NodeOf(process);
  if (node == nullptr) return;
  const uint32_t audit_session = process.credentials.audit_session;
  const process::Process* head = tables_.processes.Find(node->session.first_process);
  if (node->remote() && !node->session.logged_in) {
    const bool by_audit = audit_session != model::kNoLogin && audit_session != node->base_audit;
    // A descendant of the first process runs a program that is neither that process's own nor a
    // helper of the listener (sshd-auth).
    const bool by_program =
        node->pending() && &process != head && head != nullptr && process.executed &&
        head->executed && process.program() != head->program() &&
        (node->listener_image == nullptr ||
         !absl::StartsWith(BaseName(process.program()), BaseName(node->listener_image->path)));
    if (by_audit || by_program) {
      logins_.LogIn(*node, process, /*report_attempt=*/false);
      node->method_noted = true;
    }
  }
  if (node->remote() && node->session.logged_in && !node->own_uid && &process != head &&
      !logins_.MayBeHelper(*node, process)) {
    logins_.SetUid(*node, process, process.credentials.uid);
  }
  if (node->remote() && node->session.logged_in && node->session.user.empty()) {
    node->session.user = tables_.UserName(node->session.uid);
    tables_.sessions.MarkDirty(*node);
  }
  if (!node->reported && !node->pending()) tables_.sessions.MarkDirty(*node);
}

void Reconciliation::FindConnections() {
  std::vector<Connection*> found;
  tables_.connections.ForEach([&](Connection& connection) {
    if (sockets_.contains(connection.socket)) found.push_back(&connection);
  });
  for (Connection* connection : found) FindConnection(*connection);
}

void Reconciliation::FindConnection(Connection& connection) {
  const process::Process* owner = tables_.processes.Find(connection.owner);
  if (owner != nullptr && connection.session.empty() && connection.image == nullptr) {
    ConnectionReporter::SetOwner(connection, *owner);
  }
  // The exec of the program that connected was lost, so that the connection has its parent's image.
  if (owner != nullptr && owner->exec_missed && !connection.own_program) {
    connection.image = owner->image;
    connection.own_program = true;
    if (connection.reported != nullptr) reporter_.Report(connection);
  }
  if (connection.session.empty() && connection.side == model::HopSide::kServer) {
    RestoreEntry(connection);
  }
  if (connection.session.empty() && owner != nullptr) connection.session = owner->session;
  const auto saved =
      std::find_if(saved_hops_.begin(), saved_hops_.end(), [&](const model::HopEnd& hop) {
        return hop.side == connection.side && hop.hop_key == connection.hop_key;
      });
  if (saved != saved_hops_.end()) {
    // The previous run has reported it, so it is not reported again. The values of that run stay.
    connection.session = saved->session.empty() ? connection.session : saved->session;
    connection.opened_session = saved->opened_session || connection.opened_session;
    connection.established_boot_ns = saved->established_boot_ns;
    connection.rtt_us = saved->rtt_us;
    connection.owner = saved->process;
    connection.uid = saved->uid;
    if (connection.image == nullptr || connection.image->path != saved->program) {
      auto image = std::make_shared<model::Image>();
      image->path = saved->program;
      connection.image = std::move(image);
    }
    connection.reported = std::make_unique<model::HopEnd>(*saved);
    connection.sessions_acting = saved->drivers;
    saved_hops_.erase(saved);
  } else if (connection.reported == nullptr && connection.report_boot_ns == 0 &&
             reporter_.Qualifies(connection)) {
    reporter_.Report(connection);
  }
}

// Finds the restored session that the connection opened.
void Reconciliation::RestoreEntry(Connection& connection) {
  tables_.sessions.ForEach([&](Node& node) {
    if (node.remote() && node.entry_socket == 0 && node.session.entry.has_value() &&
        !connection.hop_key.empty() && node.session.entry->hop_key == connection.hop_key) {
      node.entry_socket = connection.socket;
      connection.session = node.session.id;
      connection.opened_session = true;
    }
  });
}

// Ends the connections, logins and sessions of the previous run that the first snapshot has not
// shown.
void Reconciliation::DropVanished() {
  if (restored_) return;
  restored_ = true;
  for (model::HopEnd& hop : saved_hops_) reporter_.ReportVanished(std::move(hop));
  saved_hops_.clear();
  assignment_.ForgetSaved();
  tables_.sessions.ForEach([&](Node& node) {
    if (!node.saved || node.session.closed_wall_ns != 0) return;
    if (node.remote() && node.entry_socket == 0) logins_.EndLogin(node, tables_.now_boot_ns);
    if (node.members.empty()) tables_.sessions.Close(node, tables_.now_wall_ns());
  });
}

}  // namespace hoptrail::agent::session
