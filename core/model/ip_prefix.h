#ifndef HOPTRAIL_CORE_MODEL_IP_PREFIX_H_
#define HOPTRAIL_CORE_MODEL_IP_PREFIX_H_

// Ranges of addresses, and whether an address can be an outsider's.

#include <compare>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "core/model/net.h"

namespace hoptrail::model {

// All addresses whose first `bits` bits are those of `address`. An IPv4 prefix is kept in the
// mapped form, like its address: "10.0.0.0/8" has 104 bits.
struct IpPrefix {
  IpAddress address;
  uint8_t bits = 128;

  bool Contains(const IpAddress& other) const;
  auto operator<=>(const IpPrefix&) const = default;
};

// "198.51.100.0/24", "2001:db8::/48"; an address without "/" stands for itself. INVALID_ARGUMENT
// says what is wrong and what to write instead.
absl::StatusOr<IpPrefix> ParseIpPrefix(absl::string_view text);
// In a form that ParseIpPrefix reads.
std::string ToString(const IpPrefix& prefix);

// False for addresses that the Internet does not route, so that only the operator's own networks
// can have them: private (RFC 1918), shared with a provider's translation (RFC 6598), unique local
// (RFC 4193), link-local, loopback and unspecified ones.
bool IsPublic(const IpAddress& address);

}  // namespace hoptrail::model

#endif  // HOPTRAIL_CORE_MODEL_IP_PREFIX_H_
