#ifndef HOPTRAIL_COLLECTOR_QUERY_FILTER_TERMS_H_
#define HOPTRAIL_COLLECTOR_QUERY_FILTER_TERMS_H_

// The grammar of filters; filter.h knows the fields.
//
//   filter = [ term { AND term } ]
//   term   = FIELD OPERATOR value
//   value  = WORD | '"' { character | '\"' | '\\' } '"'
//
// FIELD is letters, digits and underscores; OPERATOR consists of = < > !; WORD ends at a blank and
// at any of = < > ! " ( ) \ and is not AND, OR or NOT. Blanks (ASCII white space) stand around AND,
// and may stand between other parts. An empty value must be quoted. Other control characters are
// refused.

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hoptrail::collector::query {

struct Term {
  std::string field;
  std::string op;
  std::string value;
  size_t field_at = 0;  // bytes from the beginning of the filter
  size_t op_at = 0;
  size_t value_at = 0;
};

// INVALID_ARGUMENT: "filter: character 8: WHAT", counted from 1.
absl::Status FilterFault(size_t at, absl::string_view what);

absl::StatusOr<std::vector<Term>> ScanFilter(absl::string_view text);

}  // namespace hoptrail::collector::query

#endif  // HOPTRAIL_COLLECTOR_QUERY_FILTER_TERMS_H_
