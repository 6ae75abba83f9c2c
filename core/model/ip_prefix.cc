#include "core/model/ip_prefix.h"

#include <array>

#include "absl/algorithm/container.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "core/base/status_macros.h"

namespace hoptrail::model {
namespace {

constexpr uint8_t kV4Offset = 96;  // the bits of the mapped prefix

IpAddress FirstOf(const IpAddress& address, uint8_t bits) {
  IpAddress first;
  for (size_t i = 0; i < first.bytes.size(); ++i) {
    const int left = bits - static_cast<int>(i) * 8;
    const int mask = left >= 8 ? 0xff : left <= 0 ? 0 : (0xff << (8 - left)) & 0xff;
    first.bytes[i] = static_cast<uint8_t>(address.bytes[i] & mask);
  }
  return first;
}

}  // namespace

bool IpPrefix::Contains(const IpAddress& other) const { return FirstOf(other, bits) == address; }

absl::StatusOr<IpPrefix> ParseIpPrefix(absl::string_view text) {
  const size_t slash = text.find('/');
  HT_ASSIGN_OR_RETURN(const IpAddress address, ParseIpAddress(text.substr(0, slash)));
  if (slash == absl::string_view::npos) return IpPrefix{address, 128};
  const uint32_t most = address.is_v4() ? 128 - kV4Offset : 128;
  uint32_t bits = 0;
  if (!absl::SimpleAtoi(text.substr(slash + 1), &bits) || bits > most) {
    return absl::InvalidArgumentError(absl::StrCat("'", text.substr(0, 64), "': the part after '/'",
                                                   " must be a number from 0 to ", most));
  }
  IpPrefix prefix{address, static_cast<uint8_t>(128 - most + bits)};
  prefix.address = FirstOf(address, prefix.bits);
  if (prefix.address != address) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", text.substr(0, 64), "' is an address inside its network: write ", ToString(prefix)));
  }
  return prefix;
}

std::string ToString(const IpPrefix& prefix) {
  if (prefix.bits == 128) return ToString(prefix.address);
  const int offset = prefix.address.is_v4() ? kV4Offset : 0;
  return absl::StrCat(ToString(prefix.address), "/", prefix.bits - offset);
}

bool IsPublic(const IpAddress& address) {
  static const auto& kOwn = *new std::array<IpPrefix, 7>{*ParseIpPrefix("0.0.0.0/8"),
                                                         *ParseIpPrefix("10.0.0.0/8"),
                                                         *ParseIpPrefix("100.64.0.0/10"),
                                                         *ParseIpPrefix("172.16.0.0/12"),
                                                         *ParseIpPrefix("192.168.0.0/16"),
                                                         *ParseIpPrefix("fc00::/7"),
                                                         *ParseIpPrefix("::")};
  return !address.is_loopback() && !address.is_link_local() &&
         absl::c_none_of(kOwn, [&](const IpPrefix& own) { return own.Contains(address); });
}

}  // namespace hoptrail::model
