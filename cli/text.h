#ifndef HOPTRAIL_CLI_TEXT_H_
#define HOPTRAIL_CLI_TEXT_H_

// How text reaches a terminal: escaped, styled, measured, cut and wrapped. Pure; any thread.

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace hoptrail::cli {

// What the terminal can show.
struct Style {
  bool colour = false;
  bool utf8 = true;
  bool utc = false;  // times; else in the time zone of TZ or of the system
  size_t width = 0;  // columns of the terminal; 0: lines are as long as they get

  absl::string_view arrow() const { return utf8 ? "→" : "->"; }
  absl::string_view branch() const { return utf8 ? "├─ " : "|- "; }
  absl::string_view last_branch() const { return utf8 ? "└─ " : "`- "; }
  absl::string_view trunk() const { return utf8 ? "│  " : "|  "; }
  absl::string_view gap() const { return "   "; }
  absl::string_view ellipsis() const { return utf8 ? "…" : "..."; }
};

enum class Colour { kPlain, kBold, kDim, kRed, kYellow, kGreen, kCyan, kAlarm };

// Colours for a terminal that wants them (NO_COLOR, TERM=dumb), UTF-8 by the locale's character
// set, the width that the terminal says it has, or else COLUMNS; none where `fd` is no terminal.
// Call after setlocale(3).
Style StyleForTerminal(int fd);

// `text` as it may be shown: control characters (C0, DEL, C1), bytes that are no UTF-8, and
// characters that hide or reorder their neighbours are written as \x1b or \u202e, everything past
// ASCII too where the terminal is not UTF-8; at most `limit` characters. Host names, users,
// programs and summaries come from machines that an intruder may own.
std::string Escape(absl::string_view text, const Style& style, size_t limit = 400);

// `text` (already escaped) in a colour, or as it is.
std::string Paint(absl::string_view text, Colour colour, const Style& style);

// Columns that `text` takes, as wcwidth(3) counts: two for a wide character (CJK, most emoji), none
// for one that combines with that before it, and none for a colour's code.
size_t Width(absl::string_view text);

enum class Cut { kEnd, kMiddle };

// `text` in at most `width` columns, an ellipsis where something was left out. A character is not
// parted from those that combine with it, a colour ends with the text.
std::string Fit(absl::string_view text, size_t width, Cut cut, const Style& style);

// `text` in lines of at most `width` columns, broken at blanks where there are any; a colour goes
// on in the next line. One line where `width` is 0.
std::vector<std::string> Wrap(absl::string_view text, size_t width);

// Appends `text` to `out` in lines of the style's width: the first begins with `first`, the others
// with `next`.
void AppendWrapped(absl::string_view first, absl::string_view next, absl::string_view text,
                   const Style& style, std::string* out);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_TEXT_H_
