#ifndef HOPTRAIL_CLI_TEXT_H_
#define HOPTRAIL_CLI_TEXT_H_

// How text reaches a terminal: escaped, styled, aligned. Pure; any thread.

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace hoptrail::cli {

// What the terminal can show.
struct Style {
  bool colour = false;
  bool utf8 = true;

  absl::string_view arrow() const { return utf8 ? "→" : "->"; }
  absl::string_view branch() const { return utf8 ? "├─ " : "|- "; }
  absl::string_view last_branch() const { return utf8 ? "└─ " : "`- "; }
  absl::string_view trunk() const { return utf8 ? "│  " : "|  "; }
  absl::string_view gap() const { return "   "; }
  absl::string_view ellipsis() const { return utf8 ? "…" : "..."; }
};

enum class Colour { kPlain, kBold, kDim, kRed, kYellow, kGreen, kCyan, kAlarm };

// Colours for a terminal that wants them (NO_COLOR, TERM=dumb), UTF-8 by the locale's character
// set. Call after setlocale(3).
Style StyleForTerminal(int fd);

// `text` as it may be shown: control characters (C0, DEL, C1), bytes that are no UTF-8, and
// characters that hide or reorder their neighbours are written as \x1b or \u202e, everything past
// ASCII too where the terminal is not UTF-8; at most `limit` characters. Host names, users,
// programs and summaries come from machines that an intruder may own.
std::string Escape(absl::string_view text, const Style& style, size_t limit = 400);

// `text` (already escaped) in a colour, or as it is.
std::string Paint(absl::string_view text, Colour colour, const Style& style);

// Columns that `text` takes: characters, colour codes not counted.
size_t Width(absl::string_view text);

// Rows of cells under a heading, in columns two blanks apart. Cells are already escaped.
class Table {
 public:
  Table(std::vector<std::string> heading, const Style& style);
  void Add(std::vector<std::string> row);
  std::string Render() const;

 private:
  const Style style_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_TEXT_H_
