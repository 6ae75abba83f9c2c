#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_REPORT_CODEC_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_REPORT_CODEC_H_

// Agents' reports about their hosts, and the collector's degradations, as messages of
// hoptrail.internal. Pure functions.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "core/model/fact.h"

namespace hoptrail::collector::store {

std::string Encode(const model::LoginAttempt& attempt);
std::string Encode(const model::Coverage& coverage);
std::string Encode(const model::Loss& loss);
std::string Encode(const model::AgentHealth& health);
// Empty for an empty list.
std::string Encode(const std::vector<model::Degradation>& degradations);

// DATA_LOSS when the bytes are not what Encode wrote.
absl::StatusOr<model::Coverage> DecodeCoverage(absl::string_view data);
absl::StatusOr<model::Loss> DecodeLoss(absl::string_view data);
absl::StatusOr<model::AgentHealth> DecodeHealth(absl::string_view data);
absl::StatusOr<std::vector<model::Degradation>> DecodeDegradations(absl::string_view data);

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_REPORT_CODEC_H_
