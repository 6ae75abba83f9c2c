#include "core/config/address.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "core/base/status_macros.h"
#include "core/model/net.h"
#include <sys/un.h>

namespace hoptrail::config {
namespace {

constexpr size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;
constexpr size_t kMaxHostName = 253;
constexpr size_t kMaxLabel = 63;
constexpr char kForms[] = "write host:port, [IPv6]:port or unix:/path";

absl::Status Fault(absl::string_view text, absl::string_view what) {
  constexpr size_t kMaxShown = 128;
  return absl::InvalidArgumentError(absl::StrCat("'", text.substr(0, kMaxShown), "' ", what));
}

// gRPC reads a socket's path as part of a URI: it would decode or refuse any other character.
bool IsSocketCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::StrContains("/-._~!$&'()*+,;=:@", absl::string_view(&c, 1));
}

absl::StatusOr<Address> ParseSocket(absl::string_view text, absl::string_view path) {
  if (!absl::StartsWith(path, "/") || absl::StartsWith(path, "//")) {
    return Fault(text, "is no UNIX socket's address: write unix: and an absolute path");
  }
  if (path.size() > kMaxSocketPath) {
    return Fault(text, absl::StrCat("has a path of ", path.size(), " bytes; a UNIX socket's has ",
                                    kMaxSocketPath, " at most"));
  }
  if (path.back() == '/') return Fault(text, "names a directory: write the socket's own path");
  if (!std::all_of(path.begin(), path.end(), IsSocketCharacter)) {
    return Fault(text,
                 "has a character that gRPC does not take in a socket's path: use letters, "
                 "digits and /-._ only");
  }
  return Address{.socket_path = std::string(path)};
}

bool IsLabel(absl::string_view label) {
  return !label.empty() && label.size() <= kMaxLabel && label.front() != '-' &&
         label.back() != '-' && std::all_of(label.begin(), label.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_';
         });
}

absl::StatusOr<std::string> ParseName(absl::string_view text, absl::string_view host) {
  const bool numbers = std::all_of(
      host.begin(), host.end(), [](unsigned char c) { return absl::ascii_isdigit(c) || c == '.'; });
  const absl::StatusOr<model::IpAddress> address = model::ParseIpAddress(host);
  if (address.ok()) return model::ToString(*address);
  if (numbers) return Fault(text, "has no IPv4 address before its port");
  absl::string_view name = host;
  absl::ConsumeSuffix(&name, ".");
  if (name.size() > kMaxHostName) return Fault(text, "has too long a host name");
  for (const absl::string_view label : absl::StrSplit(name, '.')) {
    if (IsLabel(label)) continue;
    return Fault(text, absl::StrCat("has no host name before its port; ", kForms));
  }
  return std::string(host);
}

// Between brackets; a zone ("fe80::1%eth0") stays as it is written.
absl::StatusOr<std::string> ParseBracketed(absl::string_view text, absl::string_view inside) {
  const size_t percent = inside.find('%');
  const absl::string_view zone =
      percent == absl::string_view::npos ? "" : inside.substr(percent + 1);
  const absl::StatusOr<model::IpAddress> address = model::ParseIpAddress(inside.substr(0, percent));
  const bool odd_zone = percent != absl::string_view::npos &&
                        (zone.empty() || !std::all_of(zone.begin(), zone.end(), [](char c) {
                           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
                                  c == '_' || c == '.';
                         }));
  if (!address.ok() || address->is_v4() || odd_zone) {
    return Fault(text, "has no IPv6 address between its brackets");
  }
  return absl::StrCat(model::ToString(*address), percent == absl::string_view::npos ? "" : "%",
                      zone);
}

absl::StatusOr<uint16_t> ParsePort(absl::string_view text, absl::string_view digits) {
  uint32_t port = 0;
  const bool plain =
      !digits.empty() && std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit);
  if (!plain || !absl::SimpleAtoi(digits, &port) || port == 0 || port > 65535) {
    return Fault(text, "has no port from 1 to 65535 after its last colon");
  }
  return static_cast<uint16_t>(port);
}

}  // namespace

absl::StatusOr<Address> ParseAddress(absl::string_view text, AddressUse use) {
  if (absl::StrContains(text, "${") || absl::StartsWith(text, "$")) {
    return Fault(text, "has a variable in it, which nothing here replaces: write the address");
  }
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "unix:")) {
    if (absl::StartsWith(rest, "///")) rest.remove_prefix(2);  // As a URI without an authority.
    return ParseSocket(text, rest);
  }
  if (absl::StrContains(text, "://")) {
    return Fault(text, absl::StrCat("is a URL, not an address; ", kForms));
  }
  Address address;
  if (absl::ConsumePrefix(&rest, "[")) {
    const size_t end = rest.find(']');
    if (end == absl::string_view::npos) return Fault(text, "has no ] after its [");
    HT_ASSIGN_OR_RETURN(address.host, ParseBracketed(text, rest.substr(0, end)));
    rest.remove_prefix(end + 1);
    if (!absl::ConsumePrefix(&rest, ":")) {
      return Fault(text, absl::StrCat("has no port; ", kForms));
    }
  } else {
    const size_t colon = rest.find(':');
    if (colon == absl::string_view::npos) {
      return Fault(text, absl::StrCat("has no port; ", kForms));
    }
    if (absl::StrContains(rest.substr(colon + 1), ":")) {
      return Fault(text,
                   "has an IPv6 address without brackets, or a colon too many; write "
                   "[2001:db8::1]:7443");
    }
    HT_ASSIGN_OR_RETURN(address.host, ParseName(text, rest.substr(0, colon)));
    rest.remove_prefix(colon + 1);
  }
  HT_ASSIGN_OR_RETURN(address.port, ParsePort(text, rest));
  if (use == AddressUse::kConnect && address.is_wildcard()) {
    return Fault(text, "stands for every address of a host: write the collector's own");
  }
  return address;
}

std::string ToString(const Address& address) {
  if (address.is_unix()) return absl::StrCat("unix:", address.socket_path);
  return absl::StrContains(address.host, ":") ? absl::StrCat("[", address.host, "]:", address.port)
                                              : absl::StrCat(address.host, ":", address.port);
}

std::string GrpcTarget(const Address& address) {
  const bool name = !address.is_unix() && !absl::StrContains(address.host, ":");
  return absl::StrCat(name ? "dns:///" : "", ToString(address));
}

bool Overlap(const Address& a, const Address& b) {
  if (a.is_unix() || b.is_unix()) return a.socket_path == b.socket_path;
  return a.port == b.port && (a.host == b.host || a.is_wildcard() || b.is_wildcard());
}

}  // namespace hoptrail::config
