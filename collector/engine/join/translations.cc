#include "collector/engine/join/translations.h"

#include "absl/algorithm/container.h"

namespace hoptrail::collector::engine {

void Translations::SetStream(const model::MachineId& machine, const model::IpAddress& address) {
  auto [it, added] = streams_.try_emplace(machine, address);
  if (!added) {
    if (it->second == address) return;
    auto before = machines_.find(it->second);
    before->second.erase(machine);
    if (before->second.empty()) machines_.erase(before);
    it->second = address;
  }
  machines_[address].insert(machine);
}

bool Translations::IsConfigured(const model::IpAddress& address) const {
  return absl::c_any_of(prefixes_,
                        [&](const model::IpPrefix& prefix) { return prefix.Contains(address); });
}

bool Translations::IsTranslation(const model::IpAddress& address) const {
  if (IsConfigured(address)) return true;
  auto it = machines_.find(address);
  return it != machines_.end() &&
         absl::c_any_of(it->second, [&](const auto& each) { return Knows(each, address); });
}

bool Translations::Knows(const model::MachineId& machine, const model::IpAddress& address) const {
  if (IsConfigured(address)) return true;
  auto it = machines_.find(address);
  if (it == machines_.end() || !it->second.contains(machine)) return false;
  int behind = 0;
  for (const model::MachineId& each : it->second) {
    if (!owners_->Owns(each, address) && ++behind == 2) return true;
  }
  return false;
}

}  // namespace hoptrail::collector::engine
