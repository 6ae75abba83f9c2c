#include "core/wire/text.h"

#include <cstdint>

#include "core/base/printable.h"

namespace hoptrail::wire {
namespace {

constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";

}  // namespace

std::string CleanText(absl::string_view bytes, size_t limit) {
  std::string clean;
  while (!bytes.empty()) {
    uint32_t character = 0;
    const size_t length = DecodeUtf8(bytes, &character);
    const absl::string_view next = length == 0 ? kReplacement : bytes.substr(0, length);
    if (clean.size() + next.size() > limit) break;
    clean.append(next.data(), next.size());
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return clean;
}

}  // namespace hoptrail::wire
