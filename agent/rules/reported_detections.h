#ifndef HOPTRAIL_AGENT_RULES_REPORTED_DETECTIONS_H_
#define HOPTRAIL_AGENT_RULES_REPORTED_DETECTIONS_H_

#include <cstddef>
#include <deque>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "agent/rules/host_rule.h"
#include "core/model/fact.h"

namespace hoptrail::agent::rules {

// Says in the evidence where the session came from; a detection of a session that was reached by a
// hop is at least of severity `down_a_path`.
void AddProvenance(const model::Provenance& provenance, model::Severity down_a_path,
                   model::Detection* detection);

// What a rule has reported of each session: the same is reported once, and again when the
// collector says where the session came from. Bounded: the oldest session is forgotten first. Not
// thread-safe.
class ReportedDetections {
 public:
  explicit ReportedDetections(model::Severity down_a_path) : down_a_path_(down_a_path) {}

  bool Contains(const model::SessionId& session, const model::DetectionId& id) const;

  // Reports one that is not contained; `event` is what it follows from.
  void Report(const session::EnrichedEvent& event, model::Detection detection, DetectionSink& out);

  // Reports again what the provenance changes. `event`: kProvenanceKnown.
  void OnProvenance(const session::EnrichedEvent& event, DetectionSink& out);

 private:
  static constexpr size_t kMaxPerSession = 32;
  static constexpr size_t kMaxSessions = 1024;

  const model::Severity down_a_path_;
  absl::flat_hash_map<model::SessionId, std::vector<model::Detection>> by_session_;
  std::deque<model::SessionId> order_;  // of by_session_, oldest first
};

}  // namespace hoptrail::agent::rules

#endif  // HOPTRAIL_AGENT_RULES_REPORTED_DETECTIONS_H_
