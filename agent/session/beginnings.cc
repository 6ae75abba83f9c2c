// Beginnings of sessions that are neither logins nor services: containers and jobs.
//
// What begins a container's is seen in the kernel: a process whose control group is a container's
// that its parent's is not, or that is in a pid namespace which no known process was in. Nobody can
// leave a login or a job this way: their sessions keep what they start, whatever it is started in
// (docs/decisions/0021-containers.md).

#include "agent/session/program_names.h"
#include "agent/session/session_assignment.h"

namespace hoptrail::agent::session {
namespace {

// Sessions that one session may cause within a minute by making pid namespaces.
constexpr uint32_t kMaxBareContainers = 60;
constexpr uint64_t kMinuteNs = 60'000'000'000;

bool InService(const process::Process& process) {
  const process::ControlGroup* group = process.control_group();
  return group != nullptr && group->is_service();
}

}  // namespace

// A session of its own for each would be a way to drown one: beyond that, they stay where they are.
bool SessionAssignment::MayCauseContainer(Node& node) const {
  if (tables_.now_boot_ns >= node.containers_until_boot_ns) {
    node.containers_until_boot_ns = tables_.now_boot_ns + kMinuteNs;
    node.containers_in_budget = 0;
  }
  return ++node.containers_in_budget <= kMaxBareContainers;
}

void SessionAssignment::FollowContainer(process::Process& process) {
  Node* node = tables_.NodeOf(process);
  if (node == nullptr || !node->daemon() || !process.alive()) return;
  const bool in_container = node->session.kind == model::EntryKind::kContainer;
  const std::string name = containers_.NameOf(process);
  if (name.empty()) return;
  if (Node* open = containers_.FindOpen(name); open != nullptr) {
    if (open != node) MoveSubtree(process, *open);
    return;
  }
  if (NamedByRuntime(process)) {
    if (in_container && node->session.unit == containers_.PidNamespaceOf(process)) {
      // It was seen before its runtime had put it into its group.
      if (!node->reported) node->session.caused_by = {};
      containers_.Set(*node, process, name);
      tables_.sessions.MarkDirty(*node);
    } else {
      containers_.Set(*NewSession(process, model::EntryKind::kContainer), process, name);
    }
    return;
  }
  // A namespace within a container is that container's affair, and a service that its manager
  // starts in one of its own (PrivatePIDs=) is that service.
  const bool first = node->session.first_process == process.name;
  if (in_container || (first && (InService(process) || !process.executed))) return;
  if (!MayCauseContainer(*node)) return;
  Node* container = NewSession(process, model::EntryKind::kContainer);
  containers_.Set(*container, process, name);
  if (container == node) return;
  container->session.caused_by = node->session.id;
  container->from_remote = node->from_remote;
  if (container->from_remote) tables_.sessions.Save(*container);
  // Whoever follows the cause must know of it.
  if (!node->reported) tables_.sessions.MarkDirty(*node);
}

// A job of a cron that neither asks PAM nor sets the audit login: what begins it is a child of the
// topmost cron.
void SessionAssignment::FindJob(process::Process& process) {
  const Node* node = tables_.NodeOf(process);
  if (node == nullptr || !node->daemon() || IsCron(process.program())) return;
  process::Process* head = &process;
  process::Process* daemon = tables_.processes.Find(process.parent);
  for (int i = 0; i < 4 && daemon != nullptr && IsCron(daemon->program()); ++i) {
    process::Process* above = tables_.processes.Find(daemon->parent);
    if (above == nullptr || !above->alive() || !IsCron(above->program())) {
      if (daemon->credentials.euid == 0) NewJob(*head, process.credentials.euid);
      return;
    }
    head = daemon;
    daemon = above;
  }
}

bool SessionAssignment::InCronLineage(const process::Process& process) {
  const process::Process* ancestor = &process;
  for (int i = 0; ancestor != nullptr && i < 4; ++i) {
    if (IsCron(ancestor->program())) return true;
    ancestor = tables_.processes.Find(ancestor->parent);
  }
  return false;
}

}  // namespace hoptrail::agent::session
