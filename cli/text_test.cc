#include "cli/text.h"

#include <pty.h>
#include <unistd.h>

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/view_testing.h"

namespace hoptrail::cli {
namespace {

using ::testing::ElementsAre;

TEST(EscapeTest, OrdinaryText_IsUnchanged) {
  EXPECT_EQ(Escape("web-01 (größer) → 日本 \\", kPlain), "web-01 (größer) → 日本 \\");
}

TEST(EscapeTest, TerminalSequences_AreEscaped) {
  EXPECT_EQ(Escape("\x1b]0;owned\x07\x1b[2J", kPlain), "\\x1b]0;owned\\x07\\x1b[2J");
  EXPECT_EQ(Escape("a\r\nb\tc\x7f", kPlain), "a\\x0d\\x0ab\\x09c\\x7f");
  // U+009B is the one-character form of ESC [.
  EXPECT_EQ(Escape("\xc2\x9b"
                   "2J",
                   kPlain),
            "\\x9b2J");
}

TEST(EscapeTest, CharactersThatHideOrReorder_AreEscaped) {
  EXPECT_EQ(Escape("a\u202eb\u2066c\u200bd\u2028e\ufefff", kPlain),
            "a\\u202eb\\u2066c\\u200bd\\u2028e\\ufefff");
  EXPECT_EQ(Escape("\U000e0041", kPlain), "\\U000e0041");
}

TEST(EscapeTest, InvalidUtf8_IsEscaped) {
  EXPECT_EQ(Escape("\xff"
                   "a\xc3",
                   kPlain),
            "\\xffa\\xc3");
  EXPECT_EQ(Escape("\xc0\xaf", kPlain), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(Escape("\xed\xa0\x80", kPlain), "\\xed\\xa0\\x80");  // surrogate
}

TEST(EscapeTest, AsciiTerminal_OtherCharactersAreEscaped) {
  EXPECT_EQ(Escape("größe €", kAscii), "gr\\xf6\\xdfe \\u20ac");
}

TEST(EscapeTest, LongText_IsCut) {
  EXPECT_EQ(Escape("abcdef", kPlain, 3), "abc…");
  EXPECT_EQ(Escape("abcdef", kAscii, 3), "abc...");
  EXPECT_EQ(Escape("abc", kPlain, 3), "abc");
  EXPECT_EQ(Escape(std::string(1 << 20, '\x01'), kPlain, 10).size(), 10 * 4 + 3u);
}

TEST(WidthTest, Width_CountsCharactersNotBytesOrColours) {
  EXPECT_EQ(Width("größe"), 5u);
  EXPECT_EQ(Width(Paint("HIGH", Colour::kRed, kColour)), 4u);
  EXPECT_EQ(Paint("HIGH", Colour::kRed, kPlain), "HIGH");
}

TEST(WidthTest, Width_CountsAsTheTerminalDoes) {
  EXPECT_EQ(Width("日本"), 4u);
  EXPECT_EQ(Width("e\xcc\x81"), 1u);                 // e and a combining acute
  EXPECT_EQ(Width("ｈｏｓｔ"), 8u);                  // full width
  EXPECT_EQ(Width("\U0001f600"), 2u);                // an emoji
  EXPECT_EQ(Width("\xe1\x84\x80\xe1\x85\xa1"), 2u);  // Hangul by its parts
  EXPECT_EQ(Width("→…│"), 3u);
  EXPECT_EQ(Width(""), 0u);
}

TEST(FitTest, LongText_IsCutAtTheEndOrInTheMiddle) {
  EXPECT_EQ(Fit("abcdef", 6, Cut::kEnd, kPlain), "abcdef");
  EXPECT_EQ(Fit("abcdef", 5, Cut::kEnd, kPlain), "abcd…");
  EXPECT_EQ(Fit("abcdef", 5, Cut::kEnd, kAscii), "ab...");
  EXPECT_EQ(Fit("/usr/lib/openssh/sftp-server", 16, Cut::kMiddle, kPlain), "/usr/…ftp-server");
  EXPECT_EQ(Fit("abc", 1, Cut::kMiddle, kPlain), "…");
  EXPECT_EQ(Fit("abc", 0, Cut::kEnd, kPlain), "");
  EXPECT_EQ(Fit("abc", 0, Cut::kEnd, kAscii), "");
}

TEST(FitTest, CutText_SplitsNoCharacterAndFits) {
  EXPECT_EQ(Fit("日本語", 4, Cut::kEnd, kPlain), "日…");
  EXPECT_EQ(Fit("e\xcc\x81"
                "bcd",
                2, Cut::kEnd, kPlain),
            "e\xcc\x81…");
  for (size_t width = 1; width < 12; ++width) {
    for (const Cut cut : {Cut::kEnd, Cut::kMiddle}) {
      EXPECT_LE(Width(Fit("a日e\xcc\x81本語ｈost-\U0001f600", width, cut, kPlain)), width);
    }
  }
}

TEST(FitTest, CutColouredText_EndsItsColour) {
  EXPECT_EQ(Fit(Paint("CONNECTED", Colour::kRed, kColour), 5, Cut::kEnd, kColour),
            "\x1b[31mCONN…\x1b[0m");
}

TEST(WrapTest, LongText_BreaksAtBlanks) {
  EXPECT_THAT(Wrap("one two three", 8), ElementsAre("one two", "three"));
  EXPECT_THAT(Wrap("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(Wrap("one  two", 5), ElementsAre("one", "two"));
  EXPECT_THAT(Wrap("abcdefgh ij", 4), ElementsAre("abcd", "efgh", "ij"));
  EXPECT_THAT(Wrap("日本語", 4), ElementsAre("日本", "語"));
  EXPECT_THAT(Wrap("日本", 1), ElementsAre("日", "本"));
  EXPECT_THAT(Wrap("aa bb  cc dd", 10), ElementsAre("aa bb", "cc dd")) << "two blanks separate";
  EXPECT_THAT(Wrap("", 5), ElementsAre(""));
  EXPECT_THAT(Wrap("a b c", 0), ElementsAre("a b c"));
}

TEST(WrapTest, Colour_ContinuesInTheNextLine) {
  EXPECT_THAT(Wrap("a " + Paint("bb cc", Colour::kRed, kColour) + " d", 4),
              ElementsAre("a \x1b[31mbb\x1b[0m", "\x1b[31mcc\x1b[0m d"));
}

TEST(WrapTest, Lines_BeginWithTheirPrefix) {
  std::string out;
  AppendWrapped("│ in  ", "│     ", "public key ED25519 SHA256:abcdef", {.width = 26}, &out);
  EXPECT_EQ(out, "│ in  public key ED25519\n│     SHA256:abcdef\n");
  out.clear();
  // The prefix leaves no room; the word is written all the same.
  AppendWrapped("a ", "b ", "word", {.width = 3}, &out);
  EXPECT_EQ(out, "a word\n");
}

// A terminal of this many columns; 0: one that does not know its width.
class Terminal {
 public:
  explicit Terminal(unsigned short columns) {
    winsize size = {.ws_row = 24, .ws_col = columns};
    EXPECT_EQ(::openpty(&master_, &slave_, nullptr, nullptr, &size), 0);
  }
  ~Terminal() {
    ::close(master_);
    ::close(slave_);
  }
  size_t width() const { return StyleForTerminal(slave_).width; }

 private:
  int master_ = -1, slave_ = -1;
};

TEST(StyleTest, Terminal_GivesItsWidth) {
  ::unsetenv("COLUMNS");
  EXPECT_EQ(Terminal(60).width(), 60u);
  EXPECT_EQ(Terminal(200).width(), 200u);
  EXPECT_EQ(Terminal(3).width(), 20u);
  EXPECT_EQ(Terminal(0).width(), 80u);
  ::setenv("COLUMNS", "70", 1);
  EXPECT_EQ(Terminal(60).width(), 60u);
  EXPECT_EQ(Terminal(0).width(), 70u);
  ::setenv("COLUMNS", "x", 1);
  EXPECT_EQ(Terminal(0).width(), 80u);
  ::unsetenv("COLUMNS");
}

TEST(StyleTest, NoTerminal_HasNoWidth) {
  ::setenv("COLUMNS", "70", 1);
  EXPECT_EQ(StyleForTerminal(-1).width, 0u);
  ::unsetenv("COLUMNS");
}

TEST(StyleTest, NoTerminal_HasNoColour) {
  setenv("TERM", "xterm", 1);
  EXPECT_FALSE(StyleForTerminal(-1).colour);
}

}  // namespace
}  // namespace hoptrail::cli
