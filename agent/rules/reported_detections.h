#ifndef HOPTRAIL_AGENT_RULES_REPORTED_DETECTIONS_H_
#define HOPTRAIL_AGENT_RULES_REPORTED_DETECTIONS_H_

#include <cstddef>
#include <deque>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "agent/rules/host_rule.h"
#include "core/model/fact.h"

namespace hoptrail::agent::rules {

// The detections that a rule has reported for each session, so that it reports each once, and again
// when the collector sends the provenance of the session. Bounded: the oldest session is forgotten
// first. Not thread-safe.
class ReportedDetections {
 public:
  // `down_a_path`: the least severity of a detection in a session that a hop opened.
  explicit ReportedDetections(model::Severity down_a_path) : down_a_path_(down_a_path) {}

  bool Contains(const model::SessionId& session, const model::DetectionId& id) const;

  // Reports a detection that is not contained, with the provenance of `event`, from which it
  // follows.
  void Report(const session::EnrichedEvent& event, model::Detection detection, DetectionSink& out);

  // Reports again the detections that the provenance changes. `event` is a kProvenanceKnown.
  void OnProvenance(const session::EnrichedEvent& event, DetectionSink& out);

 private:
  static constexpr size_t kMaxPerSession = 32;
  static constexpr size_t kMaxSessions = 1024;

  const model::Severity down_a_path_;
  absl::flat_hash_map<model::SessionId, std::vector<model::Detection>> by_session_;
  std::deque<model::SessionId> order_;  // keys of by_session_, oldest first
};

}  // namespace hoptrail::agent::rules

#endif  // HOPTRAIL_AGENT_RULES_REPORTED_DETECTIONS_H_
