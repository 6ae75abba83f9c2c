#ifndef HOPTRAIL_CORE_BASE_DIGEST_H_
#define HOPTRAIL_CORE_BASE_DIGEST_H_

#include <array>
#include <cstdint>
#include <initializer_list>

#include "absl/strings/string_view.h"

namespace hoptrail {

// The first 16 bytes of SHA-256 over the parts, each preceded by its length, so that ("ab","c")
// and ("a","bc") differ. Used to derive ids; 128 bits keep a fleet's ids distinct (2^-50 chance of
// one collision among 10^11 ids).
std::array<uint8_t, 16> Digest128(std::initializer_list<absl::string_view> parts);

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_DIGEST_H_
