#ifndef HOPTRAIL_CORE_MODEL_NET_H_
#define HOPTRAIL_CORE_MODEL_NET_H_

// Addresses, flows and hop keys.

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hoptrail::model {

// An IPv4 or IPv6 address, kept as 16 bytes in network order; IPv4 as ::ffff:a.b.c.d, so that a
// mapped address and the plain one are the same value (RFC 4291, 2.5.5.2).
struct IpAddress {
  std::array<uint8_t, 16> bytes{};

  static IpAddress V4(uint32_t network_order);

  bool is_v4() const;
  bool is_loopback() const;
  bool is_link_local() const;

  auto operator<=>(const IpAddress&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const IpAddress& a) {
    return H::combine(std::move(h), a.bytes);
  }
};

// Dotted quad for IPv4, RFC 5952 for IPv6.
std::string ToString(const IpAddress& address);
absl::StatusOr<IpAddress> ParseIpAddress(absl::string_view text);

struct Endpoint {
  IpAddress address;
  uint16_t port = 0;  // host order

  auto operator<=>(const Endpoint&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const Endpoint& e) {
    return H::combine(std::move(h), e.address, e.port);
  }
};

// "192.0.2.1:22", "[2001:db8::1]:22".
std::string ToString(const Endpoint& endpoint);

// A TCP connection's two ends as one host sees them; translation may show the other host another
// pair. The client is the end that sent the first SYN.
struct Flow {
  Endpoint client;
  Endpoint server;

  auto operator<=>(const Flow&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const Flow& f) {
    return H::combine(std::move(h), f.client, f.server);
  }
};

// The pair of TCP initial sequence numbers. Both ends of a connection compute the same key without
// talking, whatever address translation lies between (tcp_sock: rcv_nxt - bytes_received,
// snd_una - bytes_acked). {0, 0} means none is known.
struct HopKey {
  uint32_t client_isn = 0;
  uint32_t server_isn = 0;

  bool empty() const { return client_isn == 0 && server_isn == 0; }
  uint64_t value() const { return uint64_t{client_isn} << 32 | server_isn; }
  auto operator<=>(const HopKey&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const HopKey& key) {
    return H::combine(std::move(h), key.client_isn, key.server_isn);
  }
};

// 16 hexadecimal digits.
std::string ToString(const HopKey& key);
absl::StatusOr<HopKey> ParseHopKey(absl::string_view text);

}  // namespace hoptrail::model

#endif  // HOPTRAIL_CORE_MODEL_NET_H_
