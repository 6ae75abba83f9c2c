#include "cli/text.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace hoptrail::cli {
namespace {

const Style kUtf8 = {.colour = false, .utf8 = true};
const Style kAscii = {.colour = false, .utf8 = false};
const Style kColour = {.colour = true, .utf8 = true};

TEST(EscapeTest, LeavesOrdinaryTextAlone) {
  EXPECT_EQ(Escape("web-01 (größer) → 日本 \\", kUtf8), "web-01 (größer) → 日本 \\");
}

TEST(EscapeTest, DisarmsTerminalSequences) {
  EXPECT_EQ(Escape("\x1b]0;owned\x07\x1b[2J", kUtf8), "\\x1b]0;owned\\x07\\x1b[2J");
  EXPECT_EQ(Escape("a\r\nb\tc\x7f", kUtf8), "a\\x0d\\x0ab\\x09c\\x7f");
  // U+009B is the one-character form of ESC [.
  EXPECT_EQ(Escape("\xc2\x9b"
                   "2J",
                   kUtf8),
            "\\x9b2J");
}

TEST(EscapeTest, ShowsWhatHidesOrReorders) {
  EXPECT_EQ(Escape("a\u202eb\u2066c\u200bd\u2028e\ufefff", kUtf8),
            "a\\u202eb\\u2066c\\u200bd\\u2028e\\ufefff");
  EXPECT_EQ(Escape("\U000e0041", kUtf8), "\\U000e0041");
}

TEST(EscapeTest, ShowsBytesThatAreNoUtf8) {
  EXPECT_EQ(Escape("\xff"
                   "a\xc3",
                   kUtf8),
            "\\xffa\\xc3");
  EXPECT_EQ(Escape("\xc0\xaf", kUtf8), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(Escape("\xed\xa0\x80", kUtf8), "\\xed\\xa0\\x80");  // surrogate
}

TEST(EscapeTest, KeepsToAsciiWhereTheTerminalDoes) {
  EXPECT_EQ(Escape("größe €", kAscii), "gr\\xf6\\xdfe \\u20ac");
}

TEST(EscapeTest, CutsLongText) {
  EXPECT_EQ(Escape("abcdef", kUtf8, 3), "abc…");
  EXPECT_EQ(Escape("abcdef", kAscii, 3), "abc...");
  EXPECT_EQ(Escape("abc", kUtf8, 3), "abc");
  EXPECT_EQ(Escape(std::string(1 << 20, '\x01'), kUtf8, 10).size(), 10 * 4 + 3u);
}

TEST(WidthTest, CountsCharactersNotBytesOrColours) {
  EXPECT_EQ(Width("größe"), 5u);
  EXPECT_EQ(Width(Paint("HIGH", Colour::kRed, kColour)), 4u);
  EXPECT_EQ(Paint("HIGH", Colour::kRed, kUtf8), "HIGH");
}

TEST(TableTest, AlignsColumnsAndEndsLinesWithoutBlanks) {
  Table table({"HOST", "STATE", "X"}, kUtf8);
  table.Add({"größe", "up", "1"});
  table.Add({"a", "a longer one", ""});
  table.Add({"b"});
  EXPECT_EQ(table.Render(),
            "HOST   STATE         X\n"
            "größe  up            1\n"
            "a      a longer one\n"
            "b\n");
}

TEST(TableTest, ColoursDoNotShiftColumns) {
  Table table({"A", "B"}, kColour);
  table.Add({Paint("HIGH", Colour::kRed, kColour), "x"});
  EXPECT_EQ(table.Render(),
            "\x1b[1mA\x1b[0m     \x1b[1mB\x1b[0m\n"
            "\x1b[31mHIGH\x1b[0m  x\n");
}

TEST(StyleTest, HasNoColourOffATerminal) {
  setenv("TERM", "xterm", 1);
  EXPECT_FALSE(StyleForTerminal(-1).colour);
}

}  // namespace
}  // namespace hoptrail::cli
