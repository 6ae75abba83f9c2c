#include "collector/engine/join/address_owners.h"

#include <algorithm>

#include "absl/algorithm/container.h"

namespace hoptrail::collector::engine {

void AddressOwners::Set(const model::MachineId& machine,
                        const std::vector<model::IpAddress>& addresses) {
  const size_t count = std::min(addresses.size(), kMaxAddresses);
  std::vector<model::IpAddress> fresh(addresses.begin(),
                                      addresses.begin() + static_cast<ptrdiff_t>(count));
  std::vector<model::IpAddress>& known = addresses_[machine];
  if (known == fresh) return;
  for (const model::IpAddress& address : known) {
    auto it = owners_.find(address);
    if (it == owners_.end()) continue;
    it->second.erase(std::remove(it->second.begin(), it->second.end(), machine), it->second.end());
    if (it->second.empty()) owners_.erase(it);
  }
  for (const model::IpAddress& address : fresh) {
    auto& owners = owners_[address];
    if (!absl::c_linear_search(owners, machine)) owners.push_back(machine);
  }
  known = std::move(fresh);
}

AddressFit AddressOwners::Fit(const model::HopEnd& client, const model::HopEnd& server) const {
  if (client.flow == server.flow && Owns(client.host.machine, client.flow.client.address) &&
      Owns(server.host.machine, server.flow.server.address)) {
    return AddressFit::kSame;
  }
  for (const model::HopEnd* seen_by : {&client, &server}) {
    if (IsForeign(client.host.machine, seen_by->flow.client.address) ||
        IsForeign(server.host.machine, seen_by->flow.server.address)) {
      return AddressFit::kForeign;
    }
  }
  return AddressFit::kTranslated;
}

bool AddressOwners::Owns(const model::MachineId& machine, const model::IpAddress& address) const {
  auto it = owners_.find(address);
  return it != owners_.end() && absl::c_linear_search(it->second, machine);
}

bool AddressOwners::IsForeign(const model::MachineId& machine,
                              const model::IpAddress& address) const {
  auto it = owners_.find(address);
  return it != owners_.end() && !absl::c_linear_search(it->second, machine);
}

}  // namespace hoptrail::collector::engine
