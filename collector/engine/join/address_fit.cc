#include "collector/engine/join/address_fit.h"

#include <algorithm>

#include "core/model/ip_prefix.h"

namespace hoptrail::collector::engine {
namespace {

// The address of a side of a connection, as `end` sees it.
const model::IpAddress& AddressOf(model::HopSide side, const model::HopEnd& end) {
  return (side == model::HopSide::kClient ? end.flow.client : end.flow.server).address;
}

}  // namespace

AddressFit AddressFits::Of(const model::HopEnd& client, const model::HopEnd& server) const {
  const AddressFit worse = std::max(OfSide(client, server), OfSide(server, client));
  if (worse != AddressFit::kSame) return worse;
  return client.flow == server.flow ? AddressFit::kSame : AddressFit::kTranslated;
}

bool AddressFits::OwnsItsAddress(const model::HopEnd& end) const {
  const model::IpAddress& own = AddressOf(end.side, end);
  return owners_->Owns(end.host.machine, own) && !translations_->IsConfigured(own);
}

AddressFit AddressFits::OfSide(const model::HopEnd& end, const model::HopEnd& other) const {
  const model::MachineId& machine = end.host.machine;
  const model::IpAddress& own = AddressOf(end.side, end);
  const model::IpAddress& seen = AddressOf(end.side, other);
  if (seen.is_loopback()) {
    // Nobody reports these, and they do not leave the machine.
    if (machine != other.host.machine) return AddressFit::kForeign;
    return own == seen ? AddressFit::kSame : AddressFit::kTranslated;
  }
  if (owners_->IsForeign(machine, own) && !translations_->IsConfigured(own)) {
    return AddressFit::kForeign;
  }
  if (translations_->Knows(machine, seen)) return AddressFit::kTranslated;
  if (owners_->Owns(machine, seen)) {
    return own == seen ? AddressFit::kSame : AddressFit::kTranslated;
  }
  if (owners_->IsForeign(machine, seen)) return AddressFit::kForeign;
  return model::IsPublic(seen) ? AddressFit::kOutside : AddressFit::kTranslated;
}

}  // namespace hoptrail::collector::engine
