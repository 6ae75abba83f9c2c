#include "core/base/printable.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace hoptrail {
namespace {

std::string Escaped(uint32_t character) {
  if (character < 0x100) return absl::StrFormat("\\x%02x", character);
  if (character < 0x10000) return absl::StrFormat("\\u%04x", character);
  return absl::StrFormat("\\U%08x", character);
}

}  // namespace

size_t DecodeUtf8(absl::string_view text, uint32_t* character) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) {
    *character = lead;
    return 1;
  }
  size_t length = 0;
  uint32_t least = 0;
  if ((lead & 0xe0) == 0xc0) {
    length = 2, least = 0x80, *character = lead & 0x1f;
  } else if ((lead & 0xf0) == 0xe0) {
    length = 3, least = 0x800, *character = lead & 0x0f;
  } else if ((lead & 0xf8) == 0xf0) {
    length = 4, least = 0x10000, *character = lead & 0x07;
  }
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    *character = *character << 6 | (byte(i) & 0x3f);
  }
  const bool surrogate = *character >= 0xd800 && *character <= 0xdfff;
  if (*character < least || *character > 0x10ffff || surrogate) return 0;
  return length;
}

bool IsPrintable(uint32_t c) {
  if (c < 0x20 || (c >= 0x7f && c <= 0x9f)) return false;
  if (c == 0xad || c == 0x34f || c == 0x61c || c == 0x180e || c == 0xfeff) return false;
  if (c >= 0x200b && c <= 0x200f) return false;  // Zero width, direction marks.
  if (c >= 0x2028 && c <= 0x202e) return false;  // Separators, embeddings, overrides.
  if (c >= 0x2060 && c <= 0x206f) return false;  // Invisible operators, isolates.
  if (c >= 0xfff9 && c <= 0xfffb) return false;  // Interlinear annotation.
  if (c >= 0xe000 && c <= 0xf8ff) return false;  // Private use.
  if (c >= 0xfe00 && c <= 0xfe0f) return false;  // Variation selectors.
  return c < 0xe0000;                            // Tags, variation selectors, private use.
}

std::string Printable(absl::string_view text, const PrintOptions& options) {
  std::string out;
  for (size_t shown = 0; !text.empty(); ++shown) {
    uint32_t character = 0;
    const size_t length = DecodeUtf8(text, &character);
    std::string next;
    if (length == 0) {
      next = Escaped(static_cast<uint8_t>(text[0]));
    } else if (IsPrintable(character) && (character < 0x80 || options.utf8)) {
      next = std::string(text.substr(0, length));
    } else {
      next = Escaped(character);
    }
    if (shown == options.most_characters || out.size() + next.size() > options.most_bytes) {
      absl::StrAppend(&out, options.ellipsis);
      break;
    }
    out += next;
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::string PrintableJson(absl::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    uint32_t character = 0;
    const size_t length = DecodeUtf8(json, &character);
    if (length == 0) {
      absl::StrAppend(&out, "\\ufffd");
    } else if (IsPrintable(character) || character == '\n') {
      absl::StrAppend(&out, json.substr(0, length));
    } else if (character < 0x10000) {
      absl::StrAppendFormat(&out, "\\u%04x", character);
    } else {
      const uint32_t pair = character - 0x10000;
      absl::StrAppendFormat(&out, "\\u%04x\\u%04x", 0xd800 + (pair >> 10), 0xdc00 + (pair & 0x3ff));
    }
    json.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace hoptrail
