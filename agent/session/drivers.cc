#include "agent/session/drivers.h"

#include <algorithm>
#include <utility>

#include "core/model/driver.h"

namespace hoptrail::agent::session {
namespace {

using process::DrivingConnection;

// A process remembers this many of the connections that it serves.
constexpr size_t kMaxInbound = 64;
constexpr size_t kMaxAncestors = 8;
constexpr size_t kMaxLooks = 64;  // among the connections that were closed last
// The rest of the probability is the process's own: services do things of their own accord.
constexpr double kOfConnections = 0.9;
constexpr double kOfCommands = 0.95;  // a shell reads from one connection and from nowhere else

bool IsInit(const process::Process& process) { return process.key.tgid == 1; }

}  // namespace

void Drivers::OnServes(process::Process& process, const Connection& connection) {
  // Process 1 accepts for others (socket activation) and serves nobody.
  if (connection.hop_key.empty() || IsInit(process)) return;
  process::DrivingConnections& inbound = process.inbound;
  const DrivingConnection added{connection.socket, connection.hop_key};
  if (!inbound.empty() && inbound.back() == added) return;
  if (inbound.size() >= kMaxInbound) inbound.erase(inbound.begin());
  inbound.push_back(added);
  process.last_served = added.hop_key;
}

void Drivers::OnClosed(const Connection& connection) {
  process::Process* owner = processes_.Find(connection.owner);
  if (owner == nullptr) return;
  process::DrivingConnections& inbound = owner->inbound;
  for (size_t i = inbound.size(); i-- > 0;) {
    if (inbound[i].hop_key != connection.hop_key) continue;
    inbound.erase(inbound.begin() + static_cast<ptrdiff_t>(i));
    return;
  }
}

void Drivers::OnFork(const process::Process& parent, process::Process& child,
                     uint64_t now_boot_ns) {
  if (IsInit(parent)) return;
  if (parent.last_accepted != 0) {
    const Connection* accepted = connections_.Find(parent.last_accepted);
    if (accepted != nullptr) OnServes(child, *accepted);
    return;
  }
  child.drivers = parent.last_served.empty() ? parent.drivers : Of(parent, now_boot_ns);
}

void Drivers::OnCommanded(process::Process& process, const Connection& connection) {
  if (connection.hop_key.empty()) return;
  process.drivers = std::make_shared<const process::DrivingConnections>(
      1, DrivingConnection{connection.socket, connection.hop_key, kOfCommands});
}

void Drivers::OnEntry(process::Process& process) {
  process.inbound.clear();
  process.last_served = {};
  process.drivers.reset();
}

Drivers::List Drivers::Of(const process::Process& process, uint64_t now_boot_ns) const {
  uint64_t until = now_boot_ns;
  const process::Process* at = &process;
  // Some kernels show an accept at the first use of the socket: a process may have forked before.
  for (size_t i = 0; i < kMaxAncestors && at != nullptr && at->session == process.session; ++i) {
    if (!at->last_served.empty()) {
      List served = Served(*at, until, now_boot_ns);
      if (served != nullptr) return served;
    }
    if (at->drivers != nullptr) return at->drivers;
    until = at->key.start_boot_ns;
    at = processes_.Find(at->parent);
  }
  return nullptr;
}

Drivers::List Drivers::Served(const process::Process& process, uint64_t until_boot_ns,
                              uint64_t now_boot_ns) const {
  process::DrivingConnections served;
  size_t count = 0;
  for (auto each = process.inbound.rbegin(); each != process.inbound.rend(); ++each) {
    const Connection* connection = connections_.Find(each->socket);
    const bool open = connection != nullptr && connection->hop_key == each->hop_key;
    if (!open || connection->opened_session || connection->established_boot_ns > until_boot_ns) {
      continue;
    }
    ++count;
    if (served.size() < model::kMaxDrivers) served.push_back(*each);
  }
  if (served.empty()) {
    const uint64_t since = now_boot_ns - std::min(now_boot_ns, kLingerNs);
    const Connection* last = connections_.FindClosed(process.last_served, since, kMaxLooks);
    if (last == nullptr || last->opened_session || last->established_boot_ns > until_boot_ns) {
      return nullptr;
    }
    count = 1;
    served.push_back({last->socket, last->hop_key});
  }
  for (DrivingConnection& driver : served) {
    driver.probability = kOfConnections / static_cast<double>(count);
  }
  return std::make_shared<const process::DrivingConnections>(std::move(served));
}

}  // namespace hoptrail::agent::session
