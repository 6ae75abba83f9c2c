#include "agent/session/session_drivers.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

#include "core/base/path.h"

namespace hoptrail::agent::session {
namespace {

constexpr uint32_t kWalksPerMinute = 600;

// A program that uses a socket for its own protocol, by which a client makes it do nothing in the
// client's favour on the network. An ssh-agent signs: the client then connects itself.
bool NeverActsForClients(absl::string_view name) {
  for (absl::string_view each : {"ssh-agent", "gpg-agent", "dbus-daemon", "dbus-broker", "systemd",
                                 "gnome-keyring-daemon", "pipewire", "pulseaudio"}) {
    if (name == each) return true;
  }
  // sshd listens for the agent and the sockets that its client forwards.
  return name == "sshd" || absl::StartsWith(name, "sshd-");
}

InfluenceKind KindOf(absl::string_view name) {
  if (name == "ssh") return InfluenceKind::kSshMux;
  for (absl::string_view each : {"tmux", "screen", "SCREEN", "dtach", "abduco", "zellij"}) {
    if (name == each || absl::StartsWith(name, "screen-")) return InfluenceKind::kTerminal;
  }
  return InfluenceKind::kSocket;
}

std::string MethodOf(InfluenceKind kind, absl::string_view name) {
  switch (kind) {
    case InfluenceKind::kSshMux:
      return "ssh mux";
    case InfluenceKind::kTerminal:
      return std::string(name);
    case InfluenceKind::kSocket:
    case InfluenceKind::kMemory:
      break;
  }
  return "unix socket";
}

std::string MethodOf(decode::TraceMethod method) {
  switch (method) {
    case decode::TraceMethod::kMemoryWrite:
      return "process_vm_writev";
    case decode::TraceMethod::kMemoryFile:
      return "/proc/PID/mem";
    case decode::TraceMethod::kUnknown:
    case decode::TraceMethod::kPtrace:
    case decode::TraceMethod::kMemoryRead:
    case decode::TraceMethod::kDescriptor:
      break;
  }
  return "ptrace";
}

}  // namespace

template <typename Visitor>
void SessionDrivers::ForEachClient(Visitor visitor) {
  if (!walks_.Take(tables_.now_boot_ns, kWalksPerMinute)) return;
  tables_.connections.ForEach([&](Connection& connection) {
    if (connection.side == model::HopSide::kClient) visitor(connection);
  });
}

SessionDrivers::Owner SessionDrivers::OwnerOf(const decode::UnixConnect& connect) {
  Owner owner;
  process::Process* process = nullptr;
  if (connect.peer.start_boot_ns != 0) {
    process = tables_.processes.Find(connect.peer);
  } else if (connect.peer.tgid != 0) {
    process = tables_.processes.FindNewest(connect.peer.tgid);
    if (process != nullptr && process->alive()) process = nullptr;  // the number was given anew
    if (process == nullptr) {
      ForEachClient([&](const Connection& connection) {
        if (connection.image == nullptr || connection.owner.tgid != connect.peer.tgid ||
            connection.uid != connect.peer_uid) {
          return;
        }
        owner.key = connection.owner;
        owner.node = tables_.sessions.Find(connection.session);
        owner.program = connection.image->path;
      });
      return owner;
    }
  }
  if (process == nullptr) return owner;
  owner.key = process->key;
  owner.node = tables_.NodeOf(*process);
  owner.program = std::string(process->program());
  return owner;
}

void SessionDrivers::OnUnixConnect(const process::Process& process,
                                   const decode::UnixConnect& connect) {
  Node* node = tables_.NodeOf(process);
  if (node == nullptr || node->pending()) return;
  const Owner owner = OwnerOf(connect);
  // Services answer everybody all the time: what they do for one client is seen by other means.
  if (owner.node == nullptr || owner.node->pending() ||
      owner.node->session.kind == model::EntryKind::kService) {
    return;
  }
  const absl::string_view name = BaseName(owner.program);
  if (NeverActsForClients(name)) return;
  const InfluenceKind kind = KindOf(name);
  const bool own = owner.node == node;
  if (own && kind == InfluenceKind::kSocket) return;
  tables_.influences.Add(owner.key, {.kind = kind,
                                     .session = node->session.id,
                                     .actor = process.key,
                                     .method = MethodOf(kind, name),
                                     .since_boot_ns = tables_.now_boot_ns});
  if (own) return;
  EnsureReported(*node);
  if (kind == InfluenceKind::kSshMux) ReportMuxConnections(owner);
}

// The client opens a channel in a connection that exists already.
void SessionDrivers::ReportMuxConnections(const Owner& master) {
  const model::Drivers drivers = tables_.influences.DriversOf(master.key, tables_.now_boot_ns);
  ForEachClient([&](Connection& connection) {
    if (connection.owner == master.key && !connection.hop_key.empty()) {
      reporter_.AddDrivers(connection, drivers);
    }
  });
}

void SessionDrivers::OnTrace(const process::Process& process, const decode::Trace& trace) {
  if (!trace.may_write) return;
  Node* node = tables_.NodeOf(process);
  const process::Process* target = tables_.processes.Find(trace.target);
  if (node == nullptr || node->pending() || target == nullptr || target->session.empty() ||
      target->session == node->session.id) {
    return;
  }
  tables_.influences.Add(target->key, {.kind = InfluenceKind::kMemory,
                                       .session = node->session.id,
                                       .actor = process.key,
                                       .method = MethodOf(trace.method),
                                       .since_boot_ns = tables_.now_boot_ns});
  EnsureReported(*node);
}

void SessionDrivers::EnsureReported(Node& node) {
  if (!node.reported) tables_.sessions.MarkDirty(node);
}

}  // namespace hoptrail::agent::session
