#ifndef HOPTRAIL_CORE_WIRE_DETECTION_H_
#define HOPTRAIL_CORE_WIRE_DETECTION_H_

// Detections and incidents between model and protobuf, by the rules of core/wire/graph.h.

#include "absl/status/statusor.h"

#include "core/model/detection.h"
#include <hoptrail/v1/detection.pb.h>

namespace hoptrail::wire {

// `host_name` and `incident` are the collector's to set.
v1::Detection ToProto(const model::Detection& detection);
absl::StatusOr<model::Detection> FromProto(const v1::Detection& detection);

v1::Incident ToProto(const model::Incident& incident);
absl::StatusOr<model::Incident> FromProto(const v1::Incident& incident);

}  // namespace hoptrail::wire

#endif  // HOPTRAIL_CORE_WIRE_DETECTION_H_
