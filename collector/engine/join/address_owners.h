#ifndef HOPTRAIL_COLLECTOR_ENGINE_JOIN_ADDRESS_OWNERS_H_
#define HOPTRAIL_COLLECTOR_ENGINE_JOIN_ADDRESS_OWNERS_H_

#include <cstddef>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"

#include "core/model/ids.h"
#include "core/model/net.h"

namespace hoptrail::collector::engine {

// The addresses that machines have reported as their own (model::AgentHealth). A host may lie, but
// only about itself: it can report another host's address, and then both have it. Not thread-safe.
class AddressOwners {
 public:
  static constexpr size_t kMaxAddresses = 64;  // of one host; further ones are ignored

  // Returns the addresses that the machine has in addition, or has no longer.
  std::vector<model::IpAddress> Set(const model::MachineId& machine,
                                    const std::vector<model::IpAddress>& addresses);

  bool Owns(const model::MachineId& machine, const model::IpAddress& address) const;
  // The only machine that has reported the address; empty if there is none, or several.
  model::MachineId OnlyOwner(const model::IpAddress& address) const;
  // Whether hosts have reported the address, and this host has not.
  bool IsForeign(const model::MachineId& machine, const model::IpAddress& address) const;

 private:
  absl::flat_hash_map<model::MachineId, std::vector<model::IpAddress>> addresses_;
  absl::flat_hash_map<model::IpAddress, absl::InlinedVector<model::MachineId, 1>> owners_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_JOIN_ADDRESS_OWNERS_H_
