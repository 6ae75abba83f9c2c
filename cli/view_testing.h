#ifndef HOPTRAIL_CLI_VIEW_TESTING_H_
#define HOPTRAIL_CLI_VIEW_TESTING_H_

// For tests of the views: styles, and a check of the width.

#include <string>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include <gtest/gtest.h>

#include "cli/text.h"

namespace hoptrail::cli {

inline const Style kPlain = {.utc = true};  // UTF-8, without colours or a width
inline const Style kAscii = {.utf8 = false, .utc = true};
inline const Style kColour = {.colour = true, .utc = true};

// No line is wider than `width` columns.
inline void ExpectFits(const std::string& text, size_t width) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) EXPECT_LE(Width(line), width) << text;
}

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_VIEW_TESTING_H_
