#ifndef HOPTRAIL_CORE_WIRE_GRAPH_H_
#define HOPTRAIL_CORE_WIRE_GRAPH_H_

// Sessions and hops between model and protobuf. ToProto cannot fail: it cuts text and counts to the
// bounds of limits.h, makes it valid UTF-8, and leaves unknown parts unset. FromProto takes bytes
// of an untrusted peer: anything but what ToProto could have written is INVALID_ARGUMENT and names
// the field ("session.entry_flow.client.port: not a port: 70000"). Pure functions.

#include "absl/status/statusor.h"

#include "core/model/hop.h"
#include "core/model/session.h"
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::wire {

// `host_name` is the collector's to set.
v1::Session ToProto(const model::Session& session);
absl::StatusOr<model::Session> FromProto(const v1::Session& session);

v1::HopEnd ToProto(const model::HopEnd& end);
absl::StatusOr<model::HopEnd> FromProto(const v1::HopEnd& end);

v1::Hop ToProto(const model::Hop& hop);
absl::StatusOr<model::Hop> FromProto(const v1::Hop& hop);

}  // namespace hoptrail::wire

#endif  // HOPTRAIL_CORE_WIRE_GRAPH_H_
