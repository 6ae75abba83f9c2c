#include "core/model/incarnation.h"

#include "absl/strings/str_cat.h"

#include "core/base/digest.h"

namespace hoptrail::model {
namespace {

// RFC 9562: the version is in the seventh byte, the variant in the ninth.
constexpr uint8_t kVersion8 = 0x80;
constexpr uint8_t kVariant = 0x80;

}  // namespace

std::string ToString(const Incarnation& incarnation) {
  return absl::StrCat(incarnation.counter, "-", ToString(incarnation.nonce));
}

BootId AssumedBoot(const HostId& host, const Nonce& nonce) {
  BootId boot{Digest128({"assumed boot", ToString(host), ToString(nonce)})};
  boot.bytes[6] = kVersion8 | (boot.bytes[6] & 0x0f);
  boot.bytes[8] = kVariant | (boot.bytes[8] & 0x3f);
  return boot;
}

bool IsAssumed(const BootId& boot) {
  return (boot.bytes[6] & 0xf0) == kVersion8 && (boot.bytes[8] & 0xc0) == kVariant;
}

}  // namespace hoptrail::model
