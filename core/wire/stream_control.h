#ifndef HOPTRAIL_CORE_WIRE_STREAM_CONTROL_H_
#define HOPTRAIL_CORE_WIRE_STREAM_CONTROL_H_

// The messages of the agent's stream that are no records, between model and protobuf, by the rules
// of core/wire/graph.h.

#include "absl/status/statusor.h"

#include "core/model/agent_run.h"
#include "core/model/fact.h"
#include "core/model/incarnation.h"
#include <hoptrail/v1/sensor.pb.h>

namespace hoptrail::wire {

v1::Incarnation ToProto(const model::Incarnation& incarnation);
absl::StatusOr<model::Incarnation> FromProto(const v1::Incarnation& incarnation);

// The fields of a Hello that describe the agent's run.
void SetRun(const model::AgentRun& run, v1::Hello* hello);
absl::StatusOr<model::AgentRun> RunOf(const v1::Hello& hello);

v1::Goodbye ToProto(const model::Goodbye& goodbye);
absl::StatusOr<model::Goodbye> FromProto(const v1::Goodbye& goodbye);

// FromProto refuses an empty key.
v1::EndRequest EndRequestToProto(const model::HopKey& key);
absl::StatusOr<model::HopKey> FromProto(const v1::EndRequest& request);

v1::Provenance ToProto(const model::Provenance& provenance);
absl::StatusOr<model::Provenance> FromProto(const v1::Provenance& provenance);

}  // namespace hoptrail::wire

#endif  // HOPTRAIL_CORE_WIRE_STREAM_CONTROL_H_
