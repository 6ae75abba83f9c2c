#ifndef HOPTRAIL_TESTS_FUZZ_OUTCOME_CHECK_H_
#define HOPTRAIL_TESTS_FUZZ_OUTCOME_CHECK_H_

// The engine's outcome must survive its stored form, or a collector could not start again.

#include "collector/engine/engine.h"
#include "collector/store/sqlite/codec.h"
#include "core/wire/stream_control.h"
#include "tests/fuzz/require.h"

namespace hoptrail::fuzz {

template <typename Model>
void CheckStored(const Model& value, absl::StatusOr<Model> (*decode)(absl::string_view)) {
  const auto read = decode(collector::store::Encode(value));
  RequireOk(read.status(), "an outcome can be read back from the store");
  Require(*read == value, "an outcome is stored unchanged");
}

inline void CheckOutcome(const collector::engine::Outcome& outcome) {
  namespace store = collector::store;
  for (const auto& session : outcome.sessions) CheckStored(session, store::DecodeSession);
  for (const auto& hop : outcome.hops) CheckStored(hop.hop, store::DecodeHop);
  for (const auto& detection : outcome.detections) {
    CheckStored(detection, store::DecodeDetection);
  }
  for (const auto& incident : outcome.incidents) CheckStored(incident, store::DecodeIncident);
  for (const auto& [host, provenance] : outcome.provenance) {
    RequireOk(wire::FromProto(wire::ToProto(provenance)).status(),
              "an agent accepts the collector's provenance");
  }
}

}  // namespace hoptrail::fuzz

#endif  // HOPTRAIL_TESTS_FUZZ_OUTCOME_CHECK_H_
