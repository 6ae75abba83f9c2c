// Sessions of containers. What begins one is seen in the kernel: a process whose control group is a
// container's that its parent's is not, or that is in a pid namespace which no known process was
// in.
//
// Nobody can leave a login or a job this way: their sessions keep what they start, whatever it is
// started in (docs/decisions/0021-containers.md).

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

#include "agent/session/correlator.h"

namespace hoptrail::agent::session {
namespace {

// Sessions that one session may cause within a minute by making pid namespaces.
constexpr uint32_t kMaxBareContainers = 60;
constexpr uint64_t kMinuteNs = 60'000'000'000;
constexpr size_t kForgetAbove = 256;

bool NamedByRuntime(const process::Process& process) {
  const process::ControlGroup* group = process.control_group();
  return group != nullptr && !group->container.empty();
}

bool InService(const process::Process& process) {
  const process::ControlGroup* group = process.control_group();
  return group != nullptr && group->is_service();
}

}  // namespace

// As /proc/PID/ns/pid shows it; empty in the host's.
std::string Correlator::PidNamespaceOf(const process::Process& process) const {
  const uint32_t own = process.namespaces.pid;
  const bool outside = !process.own_events || own == 0 || own == options_.host_pid_namespace;
  return outside ? std::string() : absl::StrCat("pid:[", own, "]");
}

// What its runtime calls it, or else its pid namespace. Empty outside.
std::string Correlator::ContainerOf(const process::Process& process) const {
  return NamedByRuntime(process) ? process.control_group()->container : PidNamespaceOf(process);
}

// Null where it has no session, or only one that is over: numbers of namespaces are used again.
Node* Correlator::OpenContainer(const std::string& name) {
  if (name.empty()) return nullptr;
  const auto found = containers_.find(name);
  Node* node = found == containers_.end() ? nullptr : sessions_.Find(found->second);
  return node == nullptr || node->session.closed_wall_ns != 0 ? nullptr : node;
}

void Correlator::NameContainer(Node& node, const process::Process& first, const std::string& name) {
  node.session.unit = name;
  containers_[name] = node.session.id;
  // Who enters it later is known by the namespace until its exec tells its group.
  const std::string entered = PidNamespaceOf(first);
  if (!entered.empty() && OpenContainer(entered) == nullptr) containers_[entered] = node.session.id;
}

// A session of its own for each would be a way to drown one: beyond that, they stay where they are.
bool Correlator::MayCauseContainer(Node& node) const {
  if (now_boot_ns() >= node.containers_until_boot_ns) {
    node.containers_until_boot_ns = now_boot_ns() + kMinuteNs;
    node.containers_in_budget = 0;
  }
  return ++node.containers_in_budget <= kMaxBareContainers;
}

// Moves the process into its container's session if it is in another one.
void Correlator::FollowContainer(process::Process& process) {
  Node* node = NodeOf(process);
  if (node == nullptr || !node->daemon() || !process.alive()) return;
  const bool in_container = node->session.kind == model::EntryKind::kContainer;
  const std::string name = ContainerOf(process);
  if (name.empty()) return;
  if (Node* open = OpenContainer(name); open != nullptr) {
    if (open != node) MoveSubtree(process, *open);
    return;
  }
  if (NamedByRuntime(process)) {
    if (in_container && node->session.unit == PidNamespaceOf(process)) {
      // It was seen before its runtime had put it into its group.
      if (!node->told) node->session.caused_by = {};
      NameContainer(*node, process, name);
      sessions_.Touch(*node);
    } else {
      NameContainer(*NewSession(process, model::EntryKind::kContainer), process, name);
    }
    return;
  }
  // A namespace within a container is that container's affair, and a service that its manager
  // starts in one of its own (PrivatePIDs=) is that service.
  const bool first = node->session.first_process == process.name;
  if (in_container || (first && (InService(process) || !process.executed))) return;
  if (!MayCauseContainer(*node)) return;
  Node* container = NewSession(process, model::EntryKind::kContainer);
  NameContainer(*container, process, name);
  if (container == node) return;
  container->session.caused_by = node->session.id;
  container->from_remote = node->from_remote;
  if (container->from_remote) sessions_.Save(*container);
  // Whoever follows the cause must have been told of it.
  if (!node->told) sessions_.Touch(*node);
}

void Correlator::ForgetContainers() {
  if (containers_.size() < kForgetAbove) return;
  absl::erase_if(containers_, [this](const auto& entry) {
    const Node* node = sessions_.Find(entry.second);
    return node == nullptr || node->session.closed_wall_ns != 0;
  });
}

}  // namespace hoptrail::agent::session
