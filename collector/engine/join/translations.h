#ifndef HOPTRAIL_COLLECTOR_ENGINE_JOIN_TRANSLATIONS_H_
#define HOPTRAIL_COLLECTOR_ENGINE_JOIN_TRANSLATIONS_H_

#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"

#include "collector/engine/join/address_owners.h"
#include "core/model/ids.h"
#include "core/model/ip_prefix.h"
#include "core/model/net.h"

namespace hoptrail::collector::engine {

// The addresses under which other hosts see the fleet's hosts because of address translation. No
// address comes from a claim:
//
// - configured: the operator lists the outer addresses of the fleet's translation. Any host may be
//   behind one of them;
// - learned: the collector itself sees the streams of at least two machines come from one address
//   that neither of them has reported. It stands for these machines. One machine is not enough: who
//   has stolen one certificate can open a stream from any address, such as the one that he attacks
//   from.
//
// Not thread-safe.
class Translations {
 public:
  // `owners` is not owned and outlives this.
  explicit Translations(const AddressOwners* owners) : owners_(owners) {}

  void Configure(std::vector<model::IpPrefix> prefixes) { prefixes_ = std::move(prefixes); }
  // The address that the machine's newest stream comes from.
  void SetStream(const model::MachineId& machine, const model::IpAddress& address);

  // Whether the operator has listed the address.
  bool IsConfigured(const model::IpAddress& address) const;
  // Whether hosts of the fleet appear under the address: listed, or learned for some machine.
  bool IsTranslation(const model::IpAddress& address) const;
  // Whether others may see the machine under this address.
  bool Knows(const model::MachineId& machine, const model::IpAddress& address) const;

 private:
  const AddressOwners* const owners_;
  std::vector<model::IpPrefix> prefixes_;
  absl::flat_hash_map<model::MachineId, model::IpAddress> streams_;
  absl::flat_hash_map<model::IpAddress, absl::btree_set<model::MachineId>> machines_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_JOIN_TRANSLATIONS_H_
