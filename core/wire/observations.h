#ifndef HOPTRAIL_CORE_WIRE_OBSERVATIONS_H_
#define HOPTRAIL_CORE_WIRE_OBSERVATIONS_H_

// Login attempts and edges, the facts about a host that are neither sessions nor hops, between
// model and protobuf, by the rules of core/wire/graph.h.

#include "absl/status/statusor.h"

#include "core/model/fact.h"
#include <hoptrail/v1/sensor.pb.h>

namespace hoptrail::wire {

v1::LoginAttempt ToProto(const model::LoginAttempt& attempt);
absl::StatusOr<model::LoginAttempt> FromProto(const v1::LoginAttempt& attempt);

v1::Edge ToProto(const model::EdgeCount& edge);
absl::StatusOr<model::EdgeCount> FromProto(const v1::Edge& edge);

}  // namespace hoptrail::wire

#endif  // HOPTRAIL_CORE_WIRE_OBSERVATIONS_H_
