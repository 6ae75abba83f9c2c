#ifndef HOPTRAIL_CORE_MODEL_INCARNATION_H_
#define HOPTRAIL_CORE_MODEL_INCARNATION_H_

// How two agents that hold one identity are told apart: docs/decisions/0017.

#include <compare>
#include <cstdint>
#include <string>

#include "core/model/ids.h"

namespace hoptrail::model {

using Nonce = Id128<struct NonceTag>;

// What the collector gives an agent for each stream, and the agent shows at the next: whoever shows
// one that was followed by another is not the agent that got the other.
struct Incarnation {
  uint64_t counter = 0;  // grows by one from stream to stream of a host; 0: none
  Nonce nonce;

  bool empty() const { return counter == 0; }
  auto operator<=>(const Incarnation&) const = default;
};

// "12-0123…ef".
std::string ToString(const Incarnation& incarnation);

// The boot id under which a second agent of `host` goes on. A kernel's own is random, of version 4
// in the terms of RFC 9562; this is of version 8, so that the two can be told apart.
BootId AssumedBoot(const HostId& host, const Nonce& nonce);
bool IsAssumed(const BootId& boot);

}  // namespace hoptrail::model

#endif  // HOPTRAIL_CORE_MODEL_INCARNATION_H_
