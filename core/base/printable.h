#ifndef HOPTRAIL_CORE_BASE_PRINTABLE_H_
#define HOPTRAIL_CORE_BASE_PRINTABLE_H_

// The one place where text of unknown origin is made fit for a terminal, a log or a person's eyes:
// users, hosts, paths and peers say what an intruder likes. Pure.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace hoptrail {

// Decodes the character that `text` begins with, which must not be empty. Returns its length in
// bytes; 0 where the bytes are no valid UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing
// past U+10FFFF).
size_t DecodeUtf8(absl::string_view text, uint32_t* character);

// Whether a character shows as itself: no control character (C0, DEL, C1), and none that hides or
// reorders what stands beside it.
bool IsPrintable(uint32_t character);

struct Printing {
  bool utf8 = true;                       // else everything past ASCII is escaped as well
  size_t most_characters = SIZE_MAX;      // of `text`
  size_t most_bytes = SIZE_MAX;           // of the answer, without the ellipsis
  absl::string_view ellipsis = "\u2026";  // stands where it was cut
};

// `text` with what is not printable written as \x1b or \u202e, bytes that are no UTF-8 as \xff. A
// line stays one line. A backslash stays as it is.
std::string Printable(absl::string_view text, const Printing& printing = {});

// A JSON text that means the same and is printable: such characters can only stand in its strings,
// and become \u202e there. Line ends stay.
std::string PrintableJson(absl::string_view json);

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_PRINTABLE_H_
