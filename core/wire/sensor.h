#ifndef HOPTRAIL_CORE_WIRE_SENSOR_H_
#define HOPTRAIL_CORE_WIRE_SENSOR_H_

// The messages of the agent's stream between model and protobuf, by the rules of
// core/wire/graph.h.

#include <cstdint>

#include "absl/status/statusor.h"

#include "core/model/fact.h"
#include "core/model/incarnation.h"
#include <hoptrail/v1/sensor.pb.h>

namespace hoptrail::wire {

v1::LoginAttempt ToProto(const model::LoginAttempt& attempt);
absl::StatusOr<model::LoginAttempt> FromProto(const v1::LoginAttempt& attempt);

v1::Edge ToProto(const model::EdgeCount& edge);
absl::StatusOr<model::EdgeCount> FromProto(const v1::Edge& edge);

// FleetService shows the `coverage` and `loss` inside the reports without their host.
v1::CoverageReport ToProto(const model::Coverage& coverage);
absl::StatusOr<model::Coverage> FromProto(const v1::CoverageReport& report);

v1::LossReport ToProto(const model::Loss& loss);
absl::StatusOr<model::Loss> FromProto(const v1::LossReport& report);

v1::Degradation ToProto(const model::Degradation& degradation);
absl::StatusOr<model::Degradation> FromProto(const v1::Degradation& degradation);

v1::Incarnation ToProto(const model::Incarnation& incarnation);
absl::StatusOr<model::Incarnation> FromProto(const v1::Incarnation& incarnation);

v1::Goodbye ToProto(const model::Goodbye& goodbye);
absl::StatusOr<model::Goodbye> FromProto(const v1::Goodbye& goodbye);

v1::AgentHealth ToProto(const model::AgentHealth& health);
absl::StatusOr<model::AgentHealth> FromProto(const v1::AgentHealth& health);

v1::Interference ToProto(const model::Interference& interference);
absl::StatusOr<model::Interference> FromProto(const v1::Interference& interference);

v1::Provenance ToProto(const model::Provenance& provenance);
absl::StatusOr<model::Provenance> FromProto(const v1::Provenance& provenance);

// One record of a batch. FactFromProto also refuses a record without a fact and a sequence number
// of 0 or above kMaxCount.
v1::Record ToRecord(uint64_t sequence, const model::Fact& fact);
absl::StatusOr<model::Fact> FactFromProto(const v1::Record& record);

// The host that a fact speaks for: an agent may speak only for its own.
const model::HostId& HostOf(const model::Fact& fact);

}  // namespace hoptrail::wire

#endif  // HOPTRAIL_CORE_WIRE_SENSOR_H_
