#ifndef HOPTRAIL_CORE_WIRE_TEXT_H_
#define HOPTRAIL_CORE_WIRE_TEXT_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace hoptrail::wire {

// `bytes` as well-formed UTF-8 of at most `limit` bytes: protobuf refuses anything else, and file
// names, users and arguments are arbitrary bytes on Linux. Each ill-formed byte becomes U+FFFD
// (RFC 3629); a cut never splits a character. Well-formed text within the limit is unchanged.
std::string CleanText(absl::string_view bytes, size_t limit);

}  // namespace hoptrail::wire

#endif  // HOPTRAIL_CORE_WIRE_TEXT_H_
