#ifndef HOPTRAIL_CLI_TEXT_H_
#define HOPTRAIL_CLI_TEXT_H_

// Text for terminals: escaping, styling, measuring, cutting and wrapping. Pure; any thread.

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace hoptrail::cli {

// The abilities of the terminal, and the user's choices.
struct Style {
  bool colour = false;
  bool utf8 = true;
  bool utc = false;  // times in UTC; false: in the time zone of TZ or of the system
  size_t width = 0;  // columns of the terminal; 0: no limit

  absl::string_view arrow() const { return utf8 ? "→" : "->"; }
  absl::string_view branch() const { return utf8 ? "├─ " : "|- "; }
  absl::string_view last_branch() const { return utf8 ? "└─ " : "`- "; }
  absl::string_view trunk() const { return utf8 ? "│  " : "|  "; }
  absl::string_view gap() const { return "   "; }
  absl::string_view ellipsis() const { return utf8 ? "…" : "..."; }
};

enum class Colour { kPlain, kBold, kDim, kRed, kYellow, kGreen, kCyan, kAlarm };

// Colours unless NO_COLOR or TERM=dumb is set; UTF-8 by the locale's character set; the width of
// the terminal, or else COLUMNS. Neither colours nor a width where `fd` is no terminal. Call after
// setlocale(3).
Style StyleForTerminal(int fd);

// `text` in a form that is safe to show, of at most `limit` characters. Control characters (C0,
// DEL, C1), bytes that are not UTF-8, and characters that hide or reorder their neighbours become
// \x1b or \u202e; where the terminal is not UTF-8, so do all non-ASCII characters. Host names,
// users, programs and summaries come from machines that an intruder may own.
std::string Escape(absl::string_view text, const Style& style, size_t limit = 400);

// `text` (already escaped) in a colour, or unchanged where the style has none.
std::string Paint(absl::string_view text, Colour colour, const Style& style);

// The width of `text` in columns, as wcwidth(3) counts: two for a wide character (CJK, most emoji),
// none for a combining one, and none for the code of a colour.
size_t Width(absl::string_view text);

enum class Cut { kEnd, kMiddle };

// `text` in at most `width` columns, with an ellipsis in place of what was cut. Does not separate a
// character from those that combine with it, and ends a colour with the text.
std::string Fit(absl::string_view text, size_t width, Cut cut, const Style& style);

// `text` in lines of at most `width` columns, broken at blanks where possible. A colour continues
// in the next line. One line where `width` is 0.
std::vector<std::string> Wrap(absl::string_view text, size_t width);

// Appends `text` to `out` in lines of the style's width: the first begins with `first`, the others
// with `next`.
void AppendWrapped(absl::string_view first, absl::string_view next, absl::string_view text,
                   const Style& style, std::string* out);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_TEXT_H_
