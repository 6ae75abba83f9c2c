#ifndef HOPTRAIL_CORE_BASE_STATUS_MACROS_H_
#define HOPTRAIL_CORE_BASE_STATUS_MACROS_H_

// Early return on a failed absl::Status or absl::StatusOr. Debian 12's Abseil has none.

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

#define HT_CONCAT_INNER(a, b) a##b
#define HT_CONCAT(a, b) HT_CONCAT_INNER(a, b)

// HT_RETURN_IF_ERROR(expression yielding absl::Status);
#define HT_RETURN_IF_ERROR(expression)                                              \
  do {                                                                              \
    if (::absl::Status ht_status = (expression); !ht_status.ok()) return ht_status; \
  } while (false)

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in parentheses.
// HT_ASSIGN_OR_RETURN(auto value, expression yielding absl::StatusOr);
#define HT_ASSIGN_OR_RETURN(declaration, expression) \
  HT_ASSIGN_OR_RETURN_IMPL(HT_CONCAT(ht_status_or_, __LINE__), declaration, expression)
#define HT_ASSIGN_OR_RETURN_IMPL(temporary, declaration, expression) \
  auto temporary = (expression);                                     \
  if (!temporary.ok()) return temporary.status();                    \
  declaration = *std::move(temporary)
// NOLINTEND(bugprone-macro-parentheses)

namespace hoptrail {

// The same status with `context` before its message: what was being done when it failed.
inline absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(context, ": ", status.message()));
}

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_STATUS_MACROS_H_
