#ifndef HOPTRAIL_CORE_WIRE_RECORD_H_
#define HOPTRAIL_CORE_WIRE_RECORD_H_

// Facts in the records of a batch.

#include <cstdint>

#include "absl/status/statusor.h"

#include "core/model/fact.h"
#include "core/model/ids.h"
#include <hoptrail/v1/sensor.pb.h>

namespace hoptrail::wire {

v1::Record ToRecord(uint64_t sequence, const model::Fact& fact);
// INVALID_ARGUMENT also for a record without a fact and for a sequence number of 0 or above
// kMaxCount.
absl::StatusOr<model::Fact> FactFromProto(const v1::Record& record);

// The host that a fact speaks for: an agent may speak only for its own.
const model::HostId& HostOf(const model::Fact& fact);

}  // namespace hoptrail::wire

#endif  // HOPTRAIL_CORE_WIRE_RECORD_H_
