#ifndef HOPTRAIL_COLLECTOR_QUERY_FILTER_H_
#define HOPTRAIL_COLLECTOR_QUERY_FILTER_H_

// Filters: `FIELD = VALUE` terms joined by AND, a subset of AIP-160 (filter_terms.h has the
// grammar). `>=` where a field has an order. All errors are INVALID_ARGUMENT and name the place.
// Pure functions.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "collector/store/filters.h"

namespace hoptrail::collector::query {

absl::StatusOr<store::SessionFilter> ParseSessionFilter(absl::string_view text);
absl::StatusOr<store::HopFilter> ParseHopFilter(absl::string_view text);
absl::StatusOr<store::EdgeFilter> ParseEdgeFilter(absl::string_view text);
absl::StatusOr<store::DetectionFilter> ParseDetectionFilter(absl::string_view text);
absl::StatusOr<store::IncidentFilter> ParseIncidentFilter(absl::string_view text);
absl::StatusOr<store::HostFilter> ParseHostFilter(absl::string_view text);

}  // namespace hoptrail::collector::query

#endif  // HOPTRAIL_COLLECTOR_QUERY_FILTER_H_
