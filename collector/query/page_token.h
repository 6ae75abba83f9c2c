#ifndef HOPTRAIL_COLLECTOR_QUERY_PAGE_TOKEN_H_
#define HOPTRAIL_COLLECTOR_QUERY_PAGE_TOKEN_H_

// The tokens with which clients continue a list or a watch. Opaque to clients, checked here. Pure
// functions.

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "collector/store/filters.h"

namespace hoptrail::collector::query {

// `scope` is the list and its filter: a token is good for the same list only.
std::string MakePageToken(absl::string_view scope, const store::Cursor& cursor);
// No cursor for the empty token. INVALID_ARGUMENT for any token but MakePageToken's of that scope.
absl::StatusOr<std::optional<store::Cursor>> ParsePageToken(absl::string_view scope,
                                                            absl::string_view token);

// 0 means 50; INVALID_ARGUMENT below 0; above 1,000 means 1,000 (AIP-158).
absl::StatusOr<int> PageSize(int32_t asked);

// "{epoch}.{revision}" of a watch. FAILED_PRECONDITION when the store was replaced since.
std::string MakeResumeToken(absl::string_view epoch, int64_t revision);
absl::StatusOr<int64_t> ParseResumeToken(absl::string_view epoch, int64_t present,
                                         absl::string_view token);

}  // namespace hoptrail::collector::query

#endif  // HOPTRAIL_COLLECTOR_QUERY_PAGE_TOKEN_H_
