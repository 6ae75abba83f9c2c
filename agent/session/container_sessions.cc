#include "agent/session/container_sessions.h"

#include <string>

namespace hoptrail::agent::session {
namespace {

// How many sessions one session may cause in a minute by creating pid namespaces. More would be a
// way to bury a session among others: the processes of further namespaces stay in it.
constexpr uint32_t kMaxNamespaceContainers = 60;

bool InService(const process::Process& process) {
  const process::ControlGroup* group = process.control_group();
  return group != nullptr && group->is_service();
}

}  // namespace

void ContainerSessions::Follow(process::Process& process) {
  Node* node = tables_.NodeOf(process);
  if (node == nullptr || !node->daemon() || !process.alive()) return;
  const bool in_container = node->session.kind == model::EntryKind::kContainer;
  const std::string name = index_.NameOf(process);
  if (name.empty()) return;
  if (Node* open = index_.FindOpen(name); open != nullptr) {
    if (open != node) opener_.MoveSubtree(process, *open);
    return;
  }
  if (NamedByRuntime(process)) {
    if (in_container && node->session.unit == index_.PidNamespaceOf(process)) {
      // The session was opened before the runtime moved the process into its group.
      if (!node->reported) node->session.caused_by = {};
      index_.Set(*node, process, name);
      tables_.sessions.MarkDirty(*node);
    } else {
      index_.Set(*opener_.NewSession(process, model::EntryKind::kContainer), process, name);
    }
    return;
  }
  // A namespace within a container belongs to that container. A service that its manager starts in
  // a namespace of its own (PrivatePIDs=) stays that service.
  const bool first = node->session.first_process == process.key;
  if (in_container || (first && (InService(process) || !process.executed))) return;
  if (!node->container_budget.Take(tables_.now_boot_ns, kMaxNamespaceContainers)) return;
  Node* container = opener_.NewSession(process, model::EntryKind::kContainer);
  index_.Set(*container, process, name);
  if (container == node) return;
  container->session.caused_by = node->session.id;
  container->from_remote = node->from_remote;
  if (container->from_remote) tables_.sessions.Save(*container);
  // A path that goes through the container needs the session that caused it.
  if (!node->reported) tables_.sessions.MarkDirty(*node);
}

}  // namespace hoptrail::agent::session
