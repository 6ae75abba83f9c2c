#include "collector/engine/join/address_owners.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/algorithm/container.h"

namespace hoptrail::collector::engine {

std::vector<model::IpAddress> AddressOwners::Set(const model::MachineId& machine,
                                                 const std::vector<model::IpAddress>& addresses) {
  const size_t count = std::min(addresses.size(), kMaxAddresses);
  std::vector<model::IpAddress> fresh(addresses.begin(),
                                      addresses.begin() + static_cast<ptrdiff_t>(count));
  absl::c_sort(fresh);
  fresh.erase(std::unique(fresh.begin(), fresh.end()), fresh.end());
  std::vector<model::IpAddress>& known = addresses_[machine];
  std::vector<model::IpAddress> changed;
  absl::c_set_symmetric_difference(known, fresh, std::back_inserter(changed));
  for (const model::IpAddress& address : changed) {
    auto& owners = owners_[address];
    if (absl::c_binary_search(fresh, address)) {
      owners.push_back(machine);
    } else {
      owners.erase(std::remove(owners.begin(), owners.end(), machine), owners.end());
      if (owners.empty()) owners_.erase(address);
    }
  }
  known = std::move(fresh);
  return changed;
}

bool AddressOwners::Owns(const model::MachineId& machine, const model::IpAddress& address) const {
  auto it = owners_.find(address);
  return it != owners_.end() && absl::c_linear_search(it->second, machine);
}

model::MachineId AddressOwners::OnlyOwner(const model::IpAddress& address) const {
  auto it = owners_.find(address);
  return it == owners_.end() || it->second.size() != 1 ? model::MachineId{} : it->second.front();
}

bool AddressOwners::IsForeign(const model::MachineId& machine,
                              const model::IpAddress& address) const {
  auto it = owners_.find(address);
  return it != owners_.end() && !absl::c_linear_search(it->second, machine);
}

}  // namespace hoptrail::collector::engine
