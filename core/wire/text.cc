#include "core/wire/text.h"

#include <cstdint>

namespace hoptrail::wire {
namespace {

constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";

// Length of the well-formed character that `text` begins with; 0 where there is none
// (RFC 3629, 4: no overlong forms, no surrogates, nothing past U+10FFFF).
size_t CharacterLength(absl::string_view text) {
  const auto byte = [&text](size_t i) -> uint8_t { return i < text.size() ? text[i] : 0; };
  const auto tail = [&byte](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const uint8_t least = first == 0xE0 ? 0xA0 : 0x80;
    const uint8_t most = first == 0xED ? 0x9F : 0xBF;
    return byte(1) >= least && byte(1) <= most && tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const uint8_t least = first == 0xF0 ? 0x90 : 0x80;
    const uint8_t most = first == 0xF4 ? 0x8F : 0xBF;
    return byte(1) >= least && byte(1) <= most && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string CleanText(absl::string_view bytes, size_t limit) {
  std::string clean;
  while (!bytes.empty()) {
    const size_t length = CharacterLength(bytes);
    const absl::string_view next = length == 0 ? kReplacement : bytes.substr(0, length);
    if (clean.size() + next.size() > limit) break;
    clean.append(next.data(), next.size());
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return clean;
}

}  // namespace hoptrail::wire
