#include "cli/text.h"

#include <langinfo.h>
#include <strings.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace hoptrail::cli {
namespace {

// Decodes one character at the beginning of `text`. Returns its length in bytes, 0 where the bytes
// are no valid UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF).
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

// Characters that act on the terminal, or that hide or reorder what stands beside them.
bool IsHostile(uint32_t c) {
  if (c < 0x20 || (c >= 0x7f && c <= 0x9f)) return true;
  if (c == 0xad || c == 0x61c || c == 0x180e || c == 0xfeff) return true;
  if (c >= 0x200b && c <= 0x200f) return true;  // Zero width, direction marks.
  if (c >= 0x2028 && c <= 0x202e) return true;  // Separators, embeddings, overrides.
  if (c >= 0x2060 && c <= 0x206f) return true;  // Invisible operators, isolates.
  if (c >= 0xfff9 && c <= 0xfffb) return true;  // Interlinear annotation.
  if (c >= 0xe000 && c <= 0xf8ff) return true;  // Private use.
  return c >= 0xe0000;                          // Tags, variation selectors, private use.
}

absl::string_view Code(Colour colour) {
  switch (colour) {
    case Colour::kPlain:
      return "";
    case Colour::kBold:
      return "\x1b[1m";
    case Colour::kDim:
      return "\x1b[2m";
    case Colour::kRed:
      return "\x1b[31m";
    case Colour::kYellow:
      return "\x1b[33m";
    case Colour::kGreen:
      return "\x1b[32m";
    case Colour::kCyan:
      return "\x1b[36m";
    case Colour::kAlarm:
      return "\x1b[1;31m";
  }
  return "";
}

}  // namespace

Style StyleForTerminal(int fd) {
  Style style;
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::strcmp(terminal, "dumb") == 0;
  style.colour = isatty(fd) == 1 && !dumb && (no_colour == nullptr || *no_colour == '\0');
  style.utf8 = strcasecmp(nl_langinfo(CODESET), "UTF-8") == 0;
  return style;
}

std::string Escape(absl::string_view text, const Style& style, size_t limit) {
  std::string out;
  size_t shown = 0;
  while (!text.empty()) {
    if (shown++ == limit) {
      absl::StrAppend(&out, style.ellipsis());
      break;
    }
    uint32_t character = 0;
    const size_t length = DecodeUtf8(text, &character);
    if (length == 0) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<uint8_t>(text[0]));
      text.remove_prefix(1);
      continue;
    }
    if (!IsHostile(character) && (character < 0x80 || style.utf8)) {
      absl::StrAppend(&out, text.substr(0, length));
    } else if (character < 0x100) {
      absl::StrAppendFormat(&out, "\\x%02x", character);
    } else {
      absl::StrAppendFormat(&out, character < 0x10000 ? "\\u%04x" : "\\U%08x", character);
    }
    text.remove_prefix(length);
  }
  return out;
}

std::string Paint(absl::string_view text, Colour colour, const Style& style) {
  if (!style.colour || colour == Colour::kPlain || text.empty()) return std::string(text);
  return absl::StrCat(Code(colour), text, "\x1b[0m");
}

size_t Width(absl::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {  // Only Paint() puts these here: ESC [ … m.
      while (i < text.size() && text[i] != 'm') ++i;
    } else if ((static_cast<uint8_t>(text[i]) & 0xc0) != 0x80) {
      ++width;
    }
  }
  return width;
}

Table::Table(std::vector<std::string> heading, const Style& style) : style_(style) {
  rows_.push_back(std::move(heading));
}

void Table::Add(std::vector<std::string> row) {
  row.resize(rows_.front().size());
  rows_.push_back(std::move(row));
}

std::string Table::Render() const {
  std::vector<size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    size_t owed = 0;  // Blanks are written before the next text only: none at a line's end.
    for (size_t i = 0; i < row.size(); ++i) {
      if (!row[i].empty()) {
        absl::StrAppend(&line, std::string(owed, ' '));
        absl::StrAppend(&line,
                        &row == &rows_.front() ? Paint(row[i], Colour::kBold, style_) : row[i]);
        owed = 0;
      }
      owed += widths[i] - Width(row[i]) + 2;
    }
    absl::StrAppend(&out, line, "\n");
  }
  return out;
}

}  // namespace hoptrail::cli
