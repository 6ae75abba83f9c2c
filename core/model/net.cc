#include "core/model/net.h"

#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include <arpa/inet.h>

namespace hoptrail::model {
namespace {

constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

IpAddress IpAddress::V4(uint32_t network_order) {
  IpAddress address;
  std::memcpy(address.bytes.data(), kMappedPrefix, sizeof(kMappedPrefix));
  std::memcpy(address.bytes.data() + 12, &network_order, 4);
  return address;
}

bool IpAddress::is_v4() const {
  return std::memcmp(bytes.data(), kMappedPrefix, sizeof(kMappedPrefix)) == 0;
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes[12] == 127;
  for (int i = 0; i < 15; ++i) {
    if (bytes[i] != 0) return false;
  }
  return bytes[15] == 1;
}

bool IpAddress::is_link_local() const {
  if (is_v4()) return bytes[12] == 169 && bytes[13] == 254;
  return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

std::string ToString(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.is_v4()) {
    inet_ntop(AF_INET, address.bytes.data() + 12, text, sizeof(text));
  } else {
    inet_ntop(AF_INET6, address.bytes.data(), text, sizeof(text));
  }
  return text;
}

absl::StatusOr<IpAddress> ParseIpAddress(absl::string_view text) {
  const std::string terminated(text);
  in_addr v4;
  if (inet_pton(AF_INET, terminated.c_str(), &v4) == 1) return IpAddress::V4(v4.s_addr);
  IpAddress address;
  if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return address;
  return absl::InvalidArgumentError(absl::StrCat("not an IP address: '", text.substr(0, 64), "'"));
}

std::string ToString(const Endpoint& endpoint) {
  if (endpoint.address.is_v4()) return absl::StrCat(ToString(endpoint.address), ":", endpoint.port);
  return absl::StrCat("[", ToString(endpoint.address), "]:", endpoint.port);
}

std::string ToString(const HopKey& key) {
  return absl::StrFormat("%08x%08x", key.client_isn, key.server_isn);
}

absl::StatusOr<HopKey> ParseHopKey(absl::string_view text) {
  uint64_t value = 0;
  bool valid = text.size() == 16 && absl::SimpleHexAtoi(text, &value);
  for (char c : text) valid = valid && absl::ascii_isxdigit(static_cast<unsigned char>(c));
  if (!valid) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a hop key of 16 hexadecimal digits: '", text.substr(0, 64), "'"));
  }
  return HopKey{static_cast<uint32_t>(value >> 32), static_cast<uint32_t>(value)};
}

}  // namespace hoptrail::model
