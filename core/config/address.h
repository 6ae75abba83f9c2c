#ifndef HOPTRAIL_CORE_CONFIG_ADDRESS_H_
#define HOPTRAIL_CORE_CONFIG_ADDRESS_H_

// Parses the addresses that people write: collector.address, listen.address, and the command line's
// --collector. Pure functions.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hoptrail::config {

enum class AddressUse { kConnect, kListen };

// "host:port", "192.0.2.1:7443", "[2001:db8::1]:7443" or "unix:/path".
struct Address {
  std::string socket_path;  // absolute; empty unless it is a UNIX socket's
  std::string host;         // a name, or an IP address without brackets
  uint16_t port = 0;        // 1 to 65535

  bool is_unix() const { return !socket_path.empty(); }
  // Every address of the host: only to listen on.
  bool is_wildcard() const { return host == "0.0.0.0" || host == "::"; }
  auto operator<=>(const Address&) const = default;
};

// INVALID_ARGUMENT says what is wrong and what to write instead. IP addresses come back in their
// canonical form.
absl::StatusOr<Address> ParseAddress(absl::string_view text, AddressUse use);

// In a form that ParseAddress reads.
std::string ToString(const Address& address);

// The target for a gRPC channel. gRPC never takes a host name in it for a scheme ("dns:53").
std::string GrpcTarget(const Address& address);

// Whether two listeners cannot use both addresses at once.
bool Overlap(const Address& a, const Address& b);

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_ADDRESS_H_
