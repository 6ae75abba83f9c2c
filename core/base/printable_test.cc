#include "core/base/printable.h"

#include <string>

#include <gtest/gtest.h>

namespace hoptrail {
namespace {

TEST(Printable, OrdinaryText_IsUnchanged) {
  EXPECT_EQ(Printable("web-01 (größer) → 日本 \\ \" e\xcc\x81"),
            "web-01 (größer) → 日本 \\ \" e\xcc\x81");
  EXPECT_EQ(Printable(""), "");
}

TEST(Printable, LineBreaks_AreEscaped) {
  EXPECT_EQ(Printable("a\nb\rc\td\v\f"), "a\\x0ab\\x0dc\\x09d\\x0b\\x0c");
  EXPECT_EQ(Printable("a\u2028b\u0085"), "a\\u2028b\\x85");
}

TEST(Printable, TerminalControl_IsEscaped) {
  EXPECT_EQ(Printable("\x1b]0;owned\x07\x1b[2J\x7f"), "\\x1b]0;owned\\x07\\x1b[2J\\x7f");
  // U+009B is the one-character form of ESC [, as UTF-8 and as a bare byte.
  EXPECT_EQ(Printable("\xc2\x9b"
                      "2J\x9b"
                      "2J"),
            "\\x9b2J\\x9b2J");
  EXPECT_EQ(Printable(std::string("a\0b", 3)), "a\\x00b");
}

TEST(Printable, HidingOrReorderingCharacters_AreEscaped) {
  for (const auto& [text, shown] :
       std::initializer_list<std::pair<const char*, const char*>>{{"\u202e", "\\u202e"},
                                                                  {"\u2066", "\\u2066"},
                                                                  {"\u2069", "\\u2069"},
                                                                  {"\u200b", "\\u200b"},
                                                                  {"\u200f", "\\u200f"},
                                                                  {"\u061c", "\\u061c"},
                                                                  {"\u00ad", "\\xad"},
                                                                  {"\u034f", "\\u034f"},
                                                                  {"\ufeff", "\\ufeff"},
                                                                  {"\ufe0f", "\\ufe0f"},
                                                                  {"\ue000", "\\ue000"},
                                                                  {"\U000e0041", "\\U000e0041"},
                                                                  {"\U000f0000", "\\U000f0000"}}) {
    EXPECT_EQ(Printable(text), shown);
  }
}

TEST(Printable, InvalidUtf8_IsEscapedByteByByte) {
  EXPECT_EQ(Printable("\xff"), "\\xff");
  EXPECT_EQ(Printable("a\xc3"), "a\\xc3");                           // cut short
  EXPECT_EQ(Printable("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(Printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // past U+10FFFF
  EXPECT_EQ(Printable("\x80x"), "\\x80x");
}

TEST(Printable, LongText_IsCutWithAnEllipsis) {
  EXPECT_EQ(Printable("äbcd", {.most_characters = 2}), "äb…");
  EXPECT_EQ(Printable("äb", {.most_characters = 2}), "äb");
  EXPECT_EQ(Printable("ääää", {.most_bytes = 5}), "ää…");
  EXPECT_EQ(Printable("\x1b\x1b", {.most_bytes = 7, .ellipsis = "..."}), "\\x1b...");
  EXPECT_LE(Printable(std::string(1 << 20, '\x01'), {.most_bytes = 1000}).size(), 1003u);
}

TEST(Printable, Utf8Off_EscapesEverythingPastAscii) {
  EXPECT_EQ(Printable("größer →", {.utf8 = false}), "gr\\xf6\\xdfer \\u2192");
}

TEST(PrintableJson, EscapedJson_MeansTheSame) {
  EXPECT_EQ(PrintableJson("{\n \"a\": \"ä\u202e\u2066\U000e0041\\u001b\"\n}\n"),
            "{\n \"a\": \"ä\\u202e\\u2066\\udb40\\udc41\\u001b\"\n}\n");
  EXPECT_EQ(PrintableJson("\"\xff\""), "\"\\ufffd\"");
}

TEST(DecodeUtf8, SeveralCharacters_TheFirstIsRead) {
  uint32_t character = 0;
  EXPECT_EQ(DecodeUtf8("→x", &character), 3u);
  EXPECT_EQ(character, 0x2192u);
  EXPECT_EQ(DecodeUtf8("\U0001f600", &character), 4u);
  EXPECT_EQ(character, 0x1f600u);
}

}  // namespace
}  // namespace hoptrail
