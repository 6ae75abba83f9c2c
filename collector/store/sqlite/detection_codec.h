#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_DETECTION_CODEC_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_DETECTION_CODEC_H_

// Detections and incidents as messages of hoptrail.internal. Pure functions.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "core/model/detection.h"

namespace hoptrail::collector::store {

// Equal values become equal bytes.
std::string Encode(const model::Detection& detection);
std::string Encode(const model::Incident& incident);

// DATA_LOSS when the bytes are not what Encode wrote.
absl::StatusOr<model::Detection> DecodeDetection(absl::string_view data);
absl::StatusOr<model::Incident> DecodeIncident(absl::string_view data);

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_DETECTION_CODEC_H_
