#ifndef HOPTRAIL_CORE_BASE_PRINTABLE_H_
#define HOPTRAIL_CORE_BASE_PRINTABLE_H_

// Makes text of unknown origin safe for a terminal, a log or a person: an intruder chooses the
// names of users, hosts, paths and peers. Pure functions.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace hoptrail {

// Decodes the character that `text` begins with, which must not be empty. Returns its length in
// bytes; 0 where the bytes are not valid UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing
// past U+10FFFF).
size_t DecodeUtf8(absl::string_view text, uint32_t* character);

// Whether a character shows as itself: no control character (C0, DEL, C1), and none that hides or
// reorders what stands beside it.
bool IsPrintable(uint32_t character);

struct PrintOptions {
  bool utf8 = true;                       // false: everything past ASCII is escaped as well
  size_t most_characters = SIZE_MAX;      // of `text`
  size_t most_bytes = SIZE_MAX;           // of the result, without the ellipsis
  absl::string_view ellipsis = "\u2026";  // replaces what was cut
};

// `text` with every unprintable character written as \x1b or \u202e and every byte that is not
// UTF-8 as \xff. A line stays one line. A backslash stays as it is.
std::string Printable(absl::string_view text, const PrintOptions& options = {});

// A printable JSON text of the same meaning: unprintable characters can only stand in strings,
// where they become \u202e. Line ends stay.
std::string PrintableJson(absl::string_view json);

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_PRINTABLE_H_
