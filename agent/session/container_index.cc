#include "agent/session/container_index.h"

#include "absl/strings/str_cat.h"

namespace hoptrail::agent::session {
namespace {

constexpr size_t kForgetAbove = 256;

}  // namespace

bool NamedByRuntime(const process::Process& process) {
  const process::ControlGroup* group = process.control_group();
  return group != nullptr && !group->container.empty();
}

std::string ContainerIndex::PidNamespaceOf(const process::Process& process) const {
  const uint32_t own = process.namespaces.pid;
  const bool outside = !process.own_events || own == 0 || own == host_pid_namespace_;
  return outside ? std::string() : absl::StrCat("pid:[", own, "]");
}

std::string ContainerIndex::NameOf(const process::Process& process) const {
  return NamedByRuntime(process) ? process.control_group()->container : PidNamespaceOf(process);
}

Node* ContainerIndex::FindOpen(const std::string& name) const {
  if (name.empty()) return nullptr;
  const auto found = sessions_by_name_.find(name);
  Node* node = found == sessions_by_name_.end() ? nullptr : sessions_->Find(found->second);
  return node == nullptr || node->session.closed_wall_ns != 0 ? nullptr : node;
}

void ContainerIndex::Set(Node& node, const process::Process& first, const std::string& name) {
  node.session.unit = name;
  sessions_by_name_[name] = node.session.id;
  // A process that enters the container later shows only the namespace until its exec shows its
  // group.
  const std::string entered = PidNamespaceOf(first);
  if (!entered.empty() && FindOpen(entered) == nullptr)
    sessions_by_name_[entered] = node.session.id;
}

void ContainerIndex::ForgetClosed() {
  if (sessions_by_name_.size() < kForgetAbove) return;
  absl::erase_if(sessions_by_name_, [this](const auto& entry) {
    const Node* node = sessions_->Find(entry.second);
    return node == nullptr || node->session.closed_wall_ns != 0;
  });
}

}  // namespace hoptrail::agent::session
