#include "cli/text.h"

#include <langinfo.h>
#include <locale.h>
#include <strings.h>
#include <unistd.h>
#include <wchar.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "core/base/printable.h"
#include <sys/ioctl.h>

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

constexpr char kEscape = '\x1b';
constexpr char kPlain[] = "\x1b[0m";

// wcwidth(3) in a UTF-8 locale, whatever the caller's locale is.
size_t WidthOf(uint32_t character) {
  if (character >= 0x20 && character < 0x7f) return 1;
  static const locale_t unicode = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (unicode == nullptr) return 1;
  const locale_t before = ::uselocale(unicode);
  const int width = ::wcwidth(static_cast<wchar_t>(character));
  ::uselocale(before);
  return width < 0 ? 1 : static_cast<size_t>(width);
}

// A character, or the code of a colour (ESC [ … m), which only Paint() writes.
struct Piece {
  absl::string_view text;
  size_t width = 0;
};

Piece TakePiece(absl::string_view* text) {
  Piece piece;
  if (text->front() == kEscape) {
    const size_t end = text->find('m');
    piece.text = text->substr(0, end == absl::string_view::npos ? text->size() : end + 1);
  } else {
    uint32_t character = 0;
    const size_t length = DecodeUtf8(*text, &character);
    piece.text = text->substr(0, std::max<size_t>(length, 1));
    piece.width = length == 0 ? 1 : WidthOf(character);
  }
  text->remove_prefix(piece.text.size());
  return piece;
}

// Takes the characters that fit into `width` columns, with those that combine with the last one.
std::string Head(absl::string_view* text, size_t width) {
  std::string head;
  for (size_t used = 0; !text->empty();) {
    absl::string_view rest = *text;
    const Piece piece = TakePiece(&rest);
    if (used + piece.width > width) break;
    used += piece.width;
    absl::StrAppend(&head, piece.text);
    *text = rest;
  }
  return head;
}

// The text after the first character and those that combine with it.
absl::string_view AfterFirst(absl::string_view text) {
  while (!text.empty() && TakePiece(&text).width == 0) {
  }
  return text;
}

// The colour at the end of `text`; `before` is the one at its beginning.
std::string LastColour(absl::string_view text, const std::string& before) {
  std::string colour = before;
  while (!text.empty()) {
    const Piece piece = TakePiece(&text);
    if (piece.text.front() == kEscape) colour = piece.text == kPlain ? "" : std::string(piece.text);
  }
  return colour;
}

size_t TerminalWidth(int fd) {
  constexpr size_t kLeast = 20, kUsual = 80;
  winsize size{};
  size_t width = 0;
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0) width = size.ws_col;
  const char* columns = std::getenv("COLUMNS");
  if (width == 0 && (columns == nullptr || !absl::SimpleAtoi(columns, &width))) width = kUsual;
  return std::max(width, kLeast);
}

}  // namespace

Style StyleForTerminal(int fd) {
  Style style;
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::strcmp(terminal, "dumb") == 0;
  style.colour = isatty(fd) == 1 && !dumb && (no_colour == nullptr || *no_colour == '\0');
  if (isatty(fd) == 1) style.width = TerminalWidth(fd);
  style.utf8 = strcasecmp(nl_langinfo(CODESET), "UTF-8") == 0;
  return style;
}

std::string Escape(absl::string_view text, const Style& style, size_t limit) {
  return Printable(text,
                   {.utf8 = style.utf8, .most_characters = limit, .ellipsis = style.ellipsis()});
}

std::string Paint(absl::string_view text, Colour colour, const Style& style) {
  if (!style.colour || colour == Colour::kPlain || text.empty()) return std::string(text);
  return absl::StrCat(Code(colour), text, "\x1b[0m");
}

size_t Width(absl::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    const Piece piece = TakePiece(&text);
    width += piece.width;
  }
  return width;
}

std::string Fit(absl::string_view text, size_t width, Cut cut, const Style& style) {
  if (Width(text) <= width) return std::string(text);
  const size_t ellipsis = Width(style.ellipsis());
  if (width < ellipsis) return std::string(style.ellipsis().substr(0, style.utf8 ? 0 : width));
  const bool coloured = text.find(kEscape) != absl::string_view::npos;
  // Only plain text is cut in the middle: coloured text is a few short words.
  const size_t tail = cut == Cut::kMiddle && !coloured ? (width - ellipsis) * 2 / 3 : 0;
  absl::string_view rest = text;
  std::string out = Head(&rest, width - ellipsis - tail);
  absl::StrAppend(&out, style.ellipsis());
  if (tail > 0) {
    while (Width(rest) > tail) TakePiece(&rest);
    absl::StrAppend(&out, rest);
  }
  return coloured ? out + kPlain : out;
}

std::vector<std::string> Wrap(absl::string_view text, size_t width) {
  if (width == 0) return {std::string(text)};
  std::vector<std::string> lines;
  std::string colour;  // continues in the next line
  while (true) {
    std::string line = colour;
    if (Width(text) <= width) {
      lines.push_back(line + std::string(text));
      return lines;
    }
    absl::string_view rest = text;
    Head(&rest, width);
    size_t taken = text.size() - rest.size();
    size_t blank = text[taken] == ' ' ? taken : text.substr(0, taken).rfind(' ');
    // Two blanks separate parts that should stay together.
    const size_t part = text.substr(0, std::min(taken + 2, text.size())).rfind("  ");
    if (part != absl::string_view::npos && Width(text.substr(0, part)) * 2 >= width) blank = part;
    if (blank != absl::string_view::npos && blank > 0) taken = blank;
    // `width` may be less than that of one character.
    if (taken == 0) taken = text.size() - AfterFirst(text).size();
    const absl::string_view taken_text = text.substr(0, taken);
    absl::StrAppend(&line, absl::StripTrailingAsciiWhitespace(taken_text));
    colour = LastColour(taken_text, colour);
    lines.push_back(colour.empty() ? line : line + kPlain);
    text = absl::StripLeadingAsciiWhitespace(text.substr(taken));
    if (Width(text) == 0) return lines;
  }
}

void AppendWrapped(absl::string_view first, absl::string_view next, absl::string_view text,
                   const Style& style, std::string* out) {
  constexpr size_t kLeast = 16;  // Narrower lines help nobody.
  const size_t before = std::max(Width(first), Width(next));
  const size_t width = style.width == 0 ? 0 : std::max(style.width, before + kLeast) - before;
  absl::string_view prefix = first;
  for (const std::string& line : Wrap(text, width)) {
    absl::StrAppend(out, prefix, line, "\n");
    prefix = next;
  }
}

}  // namespace hoptrail::cli
