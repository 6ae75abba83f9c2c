#ifndef HOPTRAIL_CORE_WIRE_VALUES_H_
#define HOPTRAIL_CORE_WIRE_VALUES_H_

// Converts the small values that several messages share to protobuf. Internal to core/wire.

#include <cstdint>

#include <google/protobuf/timestamp.pb.h>

#include "core/model/detection.h"
#include "core/model/hop.h"
#include "core/model/ids.h"
#include "core/model/net.h"
#include "core/model/session.h"
#include <hoptrail/v1/detection.pb.h>
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::wire {

v1::EntryKind ToProto(model::EntryKind kind);
v1::AuthMethod ToProto(model::AuthMethod method);
v1::HopSide ToProto(model::HopSide side);
v1::Proof ToProto(model::Proof proof);
v1::Contradiction ToProto(model::Contradiction contradiction);
v1::Severity ToProto(model::Severity severity);
v1::IncidentState ToProto(model::IncidentState state);

// An empty endpoint is left unset within the flow.
v1::Flow ToProto(const model::Flow& flow);
v1::Endpoint ToProto(const model::Endpoint& endpoint);
v1::Process ToProto(const model::ProcessKey& process);

// A count, or a boot time, cut to kMaxCount.
uint64_t CountToProto(uint64_t count);
// Wall time in ns; 0 and less (unknown) becomes the epoch, and callers leave such a field unset.
google::protobuf::Timestamp TimeToProto(int64_t wall_ns);

}  // namespace hoptrail::wire

#endif  // HOPTRAIL_CORE_WIRE_VALUES_H_
