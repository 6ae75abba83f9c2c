#include "agent/session/forwarding.h"

#include <memory>
#include <vector>

#include "core/base/path.h"

namespace hoptrail::agent::session {
namespace {

// A login program opens no connections of its own accord.
constexpr double kOfForwarding = 0.9;

}  // namespace

Drivers::List Forwarding::Of(const process::Process& process) const {
  const Connection* from = EntryOf(process);
  if (from == nullptr && BaseName(process.program()) == "ssh") from = LastOf(process);
  if (from == nullptr || from->hop_key.empty()) return nullptr;
  return std::make_shared<const process::DrivingConnections>(
      1, process::DrivingConnection{from->socket, from->hop_key, kOfForwarding, /*forwards=*/true});
}

Connection* Forwarding::CarrierOf(const process::Process& process,
                                  const Connection& accepted) const {
  Connection* carrier = EntryOf(process);
  if (carrier == nullptr) carrier = LastOf(process);
  const bool older = carrier != nullptr && carrier->established_boot_ns != 0 &&
                     carrier->established_boot_ns < accepted.established_boot_ns;
  return older ? carrier : nullptr;
}

Connection* Forwarding::EntryOf(const process::Process& process) const {
  const Node* node = tables_.NodeOf(process);
  if (node == nullptr || !node->remote() || !node->session.logged_in || node->entry_socket == 0) {
    return nullptr;
  }
  const process::Process* first = tables_.processes.Find(node->session.first_process);
  if (first == nullptr || first->program() != process.program()) return nullptr;
  return tables_.connections.Find(node->entry_socket);
}

Connection* Forwarding::LastOf(const process::Process& process) const {
  Connection* last = tables_.connections.Find(process.last_connected);
  if (last == nullptr || last->side != model::HopSide::kClient) return nullptr;
  // ssh -f: a child takes the connection over.
  const bool own =
      last->owner == process.key || (last->owner == process.parent && !process.executed);
  return own ? last : nullptr;
}

}  // namespace hoptrail::agent::session
