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
//   class        own address            seen address                              ends of one hop
//   key kSame        reported by the host   the same, ports included                  PROVEN
//   kTranslated  reported by the host,  its own, or a known translation, or one   PROVEN
//                or by nobody           that is not public and nobody has reported
//   kOutside     the same               public, and nobody has reported it: an    INFERRED
//                                       outsider's, for all that is known
//   kForeign     reported by others     reported by others and no known           INFERRED,
//   unlikely
//                only, or               translation, or another machine's loopback
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
