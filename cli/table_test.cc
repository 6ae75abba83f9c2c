#include "cli/table.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/view_testing.h"

namespace hoptrail::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(TableTest, Columns_AreAlignedWithoutTrailingBlanks) {
  Table table({{.heading = "HOST"}, {.heading = "STATE"}, {.heading = "X"}}, kPlain);
  table.Add({"größe", "up", "1"});
  table.Add({"a", "a longer one", ""});
  table.Add({"b"});
  EXPECT_EQ(table.Render(),
            "HOST   STATE         X\n"
            "größe  up            1\n"
            "a      a longer one\n"
            "b\n");
}

TEST(TableTest, WideAndCombiningCharacters_DoNotShiftColumns) {
  Table table({{.heading = "HOST"}, {.heading = "X"}}, kPlain);
  table.Add({"日本", "1"});
  table.Add({"e\xcc\x81", "2"});
  table.Add({"abcd", "3"});
  EXPECT_EQ(table.Render(),
            "HOST  X\n"
            "日本  1\n"
            "e\xcc\x81     2\n"
            "abcd  3\n");
}

TEST(TableTest, Colours_DoNotShiftColumns) {
  Table table({{.heading = "A"}, {.heading = "B"}}, kColour);
  table.Add({Paint("HIGH", Colour::kRed, kColour), "x"});
  EXPECT_EQ(table.Render(),
            "\x1b[1mA\x1b[0m     \x1b[1mB\x1b[0m\n"
            "\x1b[31mHIGH\x1b[0m  x\n");
}

std::string Render(size_t width) {
  Table table({{.heading = "ID"},
               {.heading = Cell::Forms({"TIME (UTC)", "T"}), .rank = 1},
               {.heading = "EVENTS", .rank = 2},
               {.heading = "WHAT", .least = 8},
               {.heading = "NOTE", .rank = 1, .optional = true}},
              {.width = width});
  table.Add(
      {"aaaa", Cell::Forms({"2026-11-22 06:00:05", "11-22"}), "12345", "something long is said"});
  table.Add({"bbbb", Cell::Forms({"2026-11-23 06:00:05", "11-23"}), "1", "short"});
  return table.Render();
}

TEST(TableTest, TableThatFits_IsShownInFull) {
  const std::string full =
      "ID    TIME (UTC)           EVENTS  WHAT\n"
      "aaaa  2026-11-22 06:00:05  12345   something long is said\n"
      "bbbb  2026-11-23 06:00:05  1       short\n";
  EXPECT_EQ(Render(0), full);
  EXPECT_EQ(Render(57), full);
}

TEST(TableTest, NarrowWidth_ShortensAndDropsTheLeastImportantFirst) {
  // Cells take shorter forms before the important text is cut.
  EXPECT_EQ(Render(56),
            "ID    T      EVENTS  WHAT\n"
            "aaaa  11-22  12345   something long is said\n"
            "bbbb  11-23  1       short\n");
  EXPECT_EQ(Render(30),
            "ID    T      EVENTS  WHAT\n"
            "aaaa  11-22  12345   somethin…\n"
            "bbbb  11-23  1       short\n");
  EXPECT_THAT(Render(27), HasSubstr("ID    T      WHAT\naaaa  11-22  something lon…\n"));
  EXPECT_THAT(Render(27), HasSubstr("(not shown: EVENTS; --wide\nshows all)\n"));
  EXPECT_THAT(Render(20), HasSubstr("ID    WHAT\naaaa  something lon…\n"));
}

TEST(TableTest, EveryWidth_EveryLineFits) {
  for (size_t width = 20; width < 70; ++width) ExpectFits(Render(width), width);
}

TEST(TableTest, OptionalColumn_IsShownOnlyWhereACellHasText) {
  EXPECT_THAT(Render(0), Not(HasSubstr("NOTE")));
  Table table({{.heading = "A"}, {.heading = "NOTE", .optional = true}}, kPlain);
  table.Add({"1"});
  table.Add({"2", "x"});
  EXPECT_EQ(table.Render(), "A  NOTE\n1\n2  x\n");
}

}  // namespace
}  // namespace hoptrail::cli
