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

#include "core/base/printable.h"

namespace hoptrail::cli {
namespace {

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
  return Printable(
      text, {.utf8 = style.utf8, .most_characters = limit, .ellipsis = style.ellipsis()});
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
