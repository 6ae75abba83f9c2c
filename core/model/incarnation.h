#ifndef HOPTRAIL_CORE_MODEL_INCARNATION_H_
#define HOPTRAIL_CORE_MODEL_INCARNATION_H_

// Distinguishes two agents that hold one identity: docs/decisions/0017.

#include <compare>
#include <cstdint>
#include <string>

#include "core/model/ids.h"

namespace hoptrail::model {

using Nonce = Id128<struct NonceTag>;

// A token that the collector gives an agent for each stream, and that the agent shows at the next.
// An agent that shows an older token is not the agent that got the newer one.
struct Incarnation {
  uint64_t counter = 0;  // grows by one from stream to stream of a host; 0: none
  Nonce nonce;

  bool empty() const { return counter == 0; }
  auto operator<=>(const Incarnation&) const = default;
};

// "12-0123…ef".
std::string ToString(const Incarnation& incarnation);

// The boot id under which a second agent of `host` continues. A kernel's boot id is a random UUID
// of version 4 (RFC 9562); an assumed one is of version 8, so that the two can be distinguished.
BootId AssumedBoot(const HostId& host, const Nonce& nonce);
bool IsAssumed(const BootId& boot);

}  // namespace hoptrail::model

#endif  // HOPTRAIL_CORE_MODEL_INCARNATION_H_
