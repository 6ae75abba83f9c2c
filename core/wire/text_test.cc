#include "core/wire/text.h"

#include <gtest/gtest.h>

namespace hoptrail::wire {
namespace {

TEST(CleanText, WellFormedText_IsUnchanged) {
  EXPECT_EQ(CleanText("", 10), "");
  EXPECT_EQ(CleanText("plain", 10), "plain");
  const std::string mixed = "é → 😀";
  EXPECT_EQ(CleanText(mixed, 100), mixed);
}

TEST(CleanText, IllFormedBytes_AreReplaced) {
  EXPECT_EQ(CleanText("a\xff"
                      "b",
                      10),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(CleanText("\xC3", 10), "\xEF\xBF\xBD");                  // cut short
  EXPECT_EQ(CleanText("\xC0\xAF", 10), "\xEF\xBF\xBD\xEF\xBF\xBD");  // overlong '/'
  EXPECT_EQ(CleanText("\xED\xA0\x80", 10).size(), 9u);               // surrogate
  EXPECT_EQ(CleanText("\xF4\x90\x80\x80", 20).size(), 12u);          // past U+10FFFF
}

TEST(CleanText, LongText_IsCutBetweenCharacters) {
  EXPECT_EQ(CleanText("aé", 2), "a");
  EXPECT_EQ(CleanText("aé", 3), "aé");
  EXPECT_EQ(CleanText("\xff\xff", 5), "\xEF\xBF\xBD");
}

}  // namespace
}  // namespace hoptrail::wire
