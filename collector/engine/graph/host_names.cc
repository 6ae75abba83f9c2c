#include "collector/engine/graph/host_names.h"

#include <algorithm>

#include "core/model/title.h"

namespace hoptrail::collector::engine {

HostNames::Change HostNames::Set(const model::HostId& host, absl::string_view new_name) {
  Change change;
  const std::string name(new_name);
  if (name.empty() || host.empty() || Name(host) == name) return change;
  absl::btree_set<std::string>& own = of_machine_[host.machine];
  if (!own.contains(name) && own.size() >= kMaxNamesOfMachine) {
    change.refused = true;
    return change;
  }
  own.insert(name);
  names_[host] = name;
  change.relabelled.push_back(host);
  absl::btree_set<model::MachineId>& machines = machines_[name];
  if (!machines.insert(host.machine).second || machines.size() != 2) return change;
  // It was one machine's until now.
  for (const auto& [other, others_name] : names_) {
    if (others_name == name && other != host) change.relabelled.push_back(other);
  }
  return change;
}

void HostNames::Forget(const model::HostId& host) {
  if (names_.erase(host) == 0) return;
  const bool more_boots = std::any_of(names_.begin(), names_.end(), [&host](const auto& each) {
    return each.first.machine == host.machine;
  });
  const auto own = of_machine_.find(host.machine);
  if (more_boots || own == of_machine_.end()) return;
  for (const std::string& name : own->second) {
    const auto machines = machines_.find(name);
    if (machines == machines_.end()) continue;
    machines->second.erase(host.machine);
    if (machines->second.empty()) machines_.erase(machines);
  }
  of_machine_.erase(own);
}

std::string HostNames::Name(const model::HostId& host) const {
  const auto it = names_.find(host);
  return it == names_.end() ? "" : it->second;
}

std::string HostNames::Label(const model::HostId& host) const {
  const auto it = names_.find(host);
  if (it == names_.end()) return "";
  return model::DistinctHostName(it->second, host.machine, IsShared(it->second));
}

std::optional<model::MachineId> HostNames::OtherMachine(absl::string_view name,
                                                        const model::MachineId& machine) const {
  const auto machines = machines_.find(std::string(name));
  if (machines == machines_.end()) return std::nullopt;
  for (const model::MachineId& other : machines->second) {
    if (other != machine) return other;
  }
  return std::nullopt;
}

bool HostNames::IsShared(const std::string& name) const {
  const auto machines = machines_.find(name);
  return machines != machines_.end() && machines->second.size() > 1;
}

}  // namespace hoptrail::collector::engine
