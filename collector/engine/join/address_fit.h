#ifndef HOPTRAIL_COLLECTOR_ENGINE_JOIN_ADDRESS_FIT_H_
#define HOPTRAIL_COLLECTOR_ENGINE_JOIN_ADDRESS_FIT_H_

#include <cstdint>

#include "collector/engine/join/address_owners.h"
#include "collector/engine/join/translations.h"
#include "core/model/hop.h"

namespace hoptrail::collector::engine {

// How well the addresses of two ends fit one connection, best first. Each side of a connection has
// an own address, which the host of that side sees, and a seen address, which the other host sees
// in its place. The pair has the class of its worse side:
//
// - kSame: the host has reported the own address, and both see the same address and port.
// - kTranslated: the host has reported the own address, or nobody has; and the seen address is the
//   host's as well, or a known translation, or one that is not public and that nobody has reported.
// - kOutside: the own address as above, and the seen address is public and nobody has reported it:
//   an outsider's, for all that is known.
// - kForeign: only other hosts have reported the own address, or the seen one, which is no known
//   translation; or the seen one is another machine's loopback.
//
// Ends of one hop key are PROVEN to be one connection if they are kSame or kTranslated, INFERRED if
// kOutside, and INFERRED with a small probability if kForeign.
//
// An address that the operator lists as a translation is nobody's own, whoever reports it: else a
// host could report the outer address of others as its own.
enum class AddressFit : uint8_t { kSame, kTranslated, kOutside, kForeign };

// Whether ends that also have one hop key are proven to be one connection.
inline bool IsProof(AddressFit fit) { return fit <= AddressFit::kTranslated; }

// Classifies pairs of ends. Holds no state of its own. Not thread-safe.
class AddressFits {
 public:
  // Nothing is owned; all of it outlives this.
  AddressFits(const AddressOwners* owners, const Translations* translations)
      : owners_(owners), translations_(translations) {}

  AddressFit Of(const model::HopEnd& client, const model::HopEnd& server) const;
  // Whether the end's host has reported the end's own address.
  bool OwnsItsAddress(const model::HopEnd& end) const;

 private:
  AddressFit OfSide(const model::HopEnd& end, const model::HopEnd& other) const;

  const AddressOwners* const owners_;
  const Translations* const translations_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_JOIN_ADDRESS_FIT_H_
