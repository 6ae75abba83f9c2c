// What was there before the events began, and what the last run of the agent knew of it.

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"

#include "agent/session/correlator.h"
#include "agent/session/program_names.h"

namespace hoptrail::agent::session {
namespace {

// What waited in the rings while a snapshot was taken has been read after this long.
constexpr uint64_t kSettleNs = 2'000'000'000;

}  // namespace

void Correlator::On(const decode::Header& header, const decode::ProcessSnapshot& snapshot) {
  processes_.BeginSnapshot(header.boot_ns);
  processes_.MarkInSnapshot(header.process);
  process::Process* process = processes_.Find(header.process);
  if (process != nullptr && !process->alive()) return;  // ended since it was written down
  // Of a process that events have told of they know more, unless its exec was lost.
  if (process != nullptr && !processes_.IsNews(*process, snapshot.image, header.boot_ns)) return;
  const bool exec_missed = process != nullptr && process->own_events;
  // What events have placed may have logged in meanwhile, and may have ended before the snapshot is
  // complete; what they have not is placed then.
  const bool placed = process != nullptr && !process->session.empty();
  process = placed ? Observe(header) : Meet(header);
  if (process == nullptr) return;
  processes_.SetControlGroups(*process, snapshot.cgroups);
  Run(*process, snapshot.image, header.boot_ns);
  process->exec_missed = exec_missed;
  if (placed) FollowContainer(*process);
}

void Correlator::On(const decode::Header& header, const decode::SocketSnapshot& snapshot) {
  processes_.BeginSnapshot(header.boot_ns);
  process::Process* process = processes_.Find(header.process);
  if (process == nullptr) {
    process = Meet(header);
    processes_.MarkInSnapshot(header.process);
  }
  if (process == nullptr) return;
  if (snapshot.listening) {
    process->listens = true;
    return;
  }
  const bool client = snapshot.side == decode::TcpSide::kClient;
  if (snapshot.side == decode::TcpSide::kUnknown) return;
  Connection* connection = connections_.Ensure(
      snapshot.socket, client ? model::HopSide::kClient : model::HopSide::kServer, snapshot.flow);
  if (connection == nullptr) return;
  snapshot_sockets_.insert(snapshot.socket);
  if (!client) held_[process->name].push_back(snapshot.socket);
  if (!connection->session.empty()) return;  // known from events
  connection->hop_name = snapshot.hop_name;
  connection->network_namespace = snapshot.network_namespace;
  connection->rtt_us = snapshot.rtt_us;
  if (connection->established_boot_ns == 0)
    connection->counted = true;  // by the last run, or never
  // Of several holders the one that began first: the others inherited it.
  if (connection->owner.empty() || process->name.start_boot_ns < connection->owner.start_boot_ns) {
    connection->owner = process->name;
  }
}

void Correlator::On(const decode::Header& header, const decode::SnapshotDone&) {
  const std::vector<model::ProcessName> gone = processes_.EndSnapshot();
  PlaceAll();
  FindLogins();
  FindConnections();
  EndAll(gone, header.boot_ns);
  DropVanished();
  held_.clear();
  snapshot_sockets_.clear();
  snapshot_done_boot_ns_ = header.boot_ns;
}

// A snapshot overtakes what waits in the rings, and is taken where much does: when some was lost.
void Correlator::SettleSnapshot() {
  if (snapshot_done_boot_ns_ == 0 || now_boot_ns_ < snapshot_done_boot_ns_ + kSettleNs) return;
  EndAll(processes_.SettleSnapshot(), std::exchange(snapshot_done_boot_ns_, 0));
}

void Correlator::EndAll(const std::vector<model::ProcessName>& gone, uint64_t boot_ns) {
  for (const model::ProcessName& name : gone) {
    if (process::Process* process = processes_.Find(name); process != nullptr) {
      End(*process, boot_ns);
    }
  }
}

void Correlator::PlaceAll() {
  std::vector<process::Process*> orphans;
  std::vector<process::Process*> unplaced;
  processes_.ForEach([&](process::Process& process) {
    if (process.session.empty() && process.alive()) unplaced.push_back(&process);
  });
  // In the order of their start, so that a container's first process is its session's.
  std::sort(unplaced.begin(), unplaced.end(), [](const auto* a, const auto* b) {
    return std::pair(a->name.start_boot_ns, a->name.tgid) <
           std::pair(b->name.start_boot_ns, b->name.tgid);
  });
  for (process::Process* process : unplaced) {
    // Who has an audit session but no parent of his own any more was left behind by a login,
    // which has to be found first. So have their children.
    const process::Process* top = process;
    for (int i = 0; i < 64 && top->session.empty(); ++i) {
      if (saved_members_.contains(top->name)) break;
      const process::Process* parent = processes_.Find(top->parent);
      if (parent == nullptr || parent->name.tgid == 1) break;
      top = parent;
    }
    const bool orphan = top->session.empty() && !saved_members_.contains(top->name) &&
                        top->credentials.audit_session != model::kNoLogin;
    if (orphan) {
      orphans.push_back(process);
    } else {
      Place(*process);
    }
  }
  FindLogins();
  for (process::Process* process : orphans) Place(*process);
}

// Connections through which somebody has come in already.
void Correlator::FindLogins() {
  processes_.ForEach([&](process::Process& process) {
    if (!process.alive()) return;
    Node* node = NodeOf(process);
    if (node == nullptr) return;
    const uint32_t audit_session = process.credentials.audit_session;
    const process::Process* head = processes_.Find(node->session.first_process);
    if (node->remote() && !node->session.logged_in) {
      const bool by_audit = audit_session != model::kNoLogin && audit_session != node->base_audit;
      // A program other than the connection's own and the listener's helpers (sshd-auth), run by
      // a child of it.
      const bool by_program =
          node->pending && &process != head && head != nullptr && process.executed &&
          head->executed && process.program() != head->program() &&
          (node->listener_image == nullptr ||
           !absl::StartsWith(BaseName(process.program()), BaseName(node->listener_image->path)));
      if (by_audit || by_program) LogIn(*node, process, /*tell_attempt=*/false);
    }
    if (node->remote() && node->session.logged_in && !node->own_uid && &process != head) {
      node->own_uid = true;
      node->session.uid = process.credentials.uid;
    }
    if (node->remote() && node->session.logged_in && node->session.user.empty()) {
      node->session.user = users_.Name(node->session.uid, now_boot_ns());
      sessions_.Touch(*node);
    }
    if (!node->told && !node->pending) sessions_.Touch(*node);
  });
}

void Correlator::FindConnections() {
  std::vector<Connection*> found;
  connections_.ForEach([&](Connection& connection) {
    if (snapshot_sockets_.contains(connection.socket)) found.push_back(&connection);
  });
  for (Connection* connection : found) {
    const process::Process* owner = processes_.Find(connection->owner);
    if (owner != nullptr && connection->session.empty() && connection->image == nullptr) {
      Own(*connection, *owner);
    }
    // The exec was lost of the program that connected; what its parent runs had stood for it.
    if (owner != nullptr && owner->exec_missed && !connection->own_program) {
      connection->image = owner->image;
      connection->own_program = true;
      if (connection->reported != nullptr) Report(*connection);
    }
    // A restored session finds its entry again.
    if (connection->session.empty() && connection->side == model::HopSide::kServer) {
      sessions_.ForEach([&](Node& node) {
        if (node.remote() && node.entry_socket == 0 && node.session.entry.has_value() &&
            !connection->hop_name.empty() && node.session.entry->hop_name == connection->hop_name) {
          node.entry_socket = connection->socket;
          connection->session = node.session.id;
          connection->opened_session = true;
        }
      });
    }
    if (connection->session.empty() && owner != nullptr) connection->session = owner->session;
    const auto saved =
        std::find_if(saved_hops_.begin(), saved_hops_.end(), [&](const model::HopEnd& hop) {
          return hop.side == connection->side && hop.name == connection->hop_name;
        });
    if (saved != saved_hops_.end()) {
      // Told by the last run: not again, and what it knew still holds.
      connection->session = saved->session.empty() ? connection->session : saved->session;
      connection->opened_session = saved->opened_session || connection->opened_session;
      connection->established_boot_ns = saved->established_boot_ns;
      connection->rtt_us = saved->rtt_us;
      connection->owner = saved->process;
      connection->uid = saved->uid;
      if (connection->image == nullptr || connection->image->path != saved->program) {
        auto image = std::make_shared<model::Image>();
        image->path = saved->program;
        connection->image = std::move(image);
      }
      connection->reported = std::make_unique<model::HopEnd>(*saved);
      saved_hops_.erase(saved);
    } else if (connection->reported == nullptr && connection->report_boot_ns == 0 &&
               Qualifies(*connection)) {
      Report(*connection);
    }
  }
}

// What ended while no agent looked.
void Correlator::DropVanished() {
  if (restored_) return;
  restored_ = true;
  for (model::HopEnd& hop : saved_hops_) {
    hop.closed_wall_ns = now_wall_ns();
    if (options_.store != nullptr) options_.store->RemoveHop(hop.side, hop.name);
    hops_.push_back(std::move(hop));
  }
  saved_hops_.clear();
  for (const auto& [name, session] : saved_members_) {
    const process::Process* process = processes_.Find(name);
    const bool lives = process != nullptr && process->alive();
    if (!lives && options_.store != nullptr) options_.store->RemoveMember(name);
  }
  saved_members_.clear();
  sessions_.ForEach([&](Node& node) {
    if (!node.saved || node.session.closed_wall_ns != 0) return;
    if (node.remote() && node.entry_socket == 0) EndLogin(node, now_boot_ns());
    if (node.members.empty()) sessions_.Close(node, now_wall_ns());
  });
}

void Correlator::On(const decode::Header& header, const decode::Lost& lost) {
  model::Loss loss;
  loss.host = options_.host;
  loss.where = lost.where;
  loss.type = lost.type;
  loss.cpu = header.cpu;
  loss.count = lost.count;
  loss.from_wall_ns = last_loss_wall_ns_;
  loss.until_wall_ns = last_loss_wall_ns_ = options_.clock->WallNs();
  output_->OnLoss(loss);
}

}  // namespace hoptrail::agent::session
