#ifndef HOPTRAIL_CORE_WIRE_LIMITS_H_
#define HOPTRAIL_CORE_WIRE_LIMITS_H_

// Size limits on the wire. ToProto cuts to these bounds; FromProto refuses what exceeds them. Text
// is counted in bytes of UTF-8.

#include <cstddef>
#include <cstdint>

namespace hoptrail::wire {

inline constexpr size_t kMaxNameBytes = 256;      // users, hosts, services, units, rule ids
inline constexpr size_t kMaxPathBytes = 4096;     // file names: PATH_MAX
inline constexpr size_t kMaxTitleBytes = 1024;    // one line for a person
inline constexpr size_t kMaxSummaryBytes = 4096;  // a sentence or two
inline constexpr size_t kMaxEvidenceEntries = 32;
inline constexpr size_t kMaxEvidenceKeyBytes = 64;
inline constexpr size_t kMaxEvidenceValueBytes = 4096;
inline constexpr size_t kMaxTechniques = 16;
inline constexpr size_t kMaxTechniqueBytes = 16;       // "T1021.004"
inline constexpr size_t kMaxIncidentMembers = 10'000;  // detections, or sessions, of one incident
inline constexpr size_t kMaxEventSources = 64;
inline constexpr size_t kMaxRefusals = 16;    // of one event source's better tiers
inline constexpr size_t kMaxMisses = 16;      // of one event source
inline constexpr size_t kMaxAddresses = 256;  // of one host
inline constexpr size_t kMaxProvenanceSteps = 32;
inline constexpr size_t kMaxDegradations = 16;  // of one host

// Counts, sequence numbers and boot times fit a signed 64-bit integer, as stores need.
inline constexpr uint64_t kMaxCount = INT64_MAX;
// Wall times are from 1970 to here, so that they fit as nanoseconds with any fraction of a second.
inline constexpr int64_t kMaxTimeSeconds = INT64_MAX / 1'000'000'000 - 1;

// One Batch, and one message of the stream with what surrounds the batch.
inline constexpr size_t kMaxBatchRecords = 1000;
inline constexpr size_t kMaxBatchBytes = 1 << 20;
inline constexpr size_t kMaxMessageBytes = kMaxBatchBytes + 4096;

}  // namespace hoptrail::wire

#endif  // HOPTRAIL_CORE_WIRE_LIMITS_H_
