#ifndef HOPTRAIL_CORE_WIRE_AGENT_STATE_H_
#define HOPTRAIL_CORE_WIRE_AGENT_STATE_H_

// An agent's reports about itself between model and protobuf, by the rules of core/wire/graph.h.

#include "absl/status/statusor.h"

#include "core/model/fact.h"
#include <hoptrail/v1/sensor.pb.h>

namespace hoptrail::wire {

// FleetService shows the `coverage` and `loss` inside the reports without their host.
v1::CoverageReport ToProto(const model::Coverage& coverage);
absl::StatusOr<model::Coverage> FromProto(const v1::CoverageReport& report);

v1::LossReport ToProto(const model::Loss& loss);
absl::StatusOr<model::Loss> FromProto(const v1::LossReport& report);

v1::Degradation ToProto(const model::Degradation& degradation);
absl::StatusOr<model::Degradation> FromProto(const v1::Degradation& degradation);

v1::AgentHealth ToProto(const model::AgentHealth& health);
absl::StatusOr<model::AgentHealth> FromProto(const v1::AgentHealth& health);

v1::Interference ToProto(const model::Interference& interference);
absl::StatusOr<model::Interference> FromProto(const v1::Interference& interference);

}  // namespace hoptrail::wire

#endif  // HOPTRAIL_CORE_WIRE_AGENT_STATE_H_
