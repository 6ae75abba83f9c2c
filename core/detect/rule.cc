#include "core/detect/rule.h"

namespace hoptrail::detect {

model::Detection MakeDetection(const RuleInfo& rule, const Occurrence& occurrence) {
  model::Detection detection;
  detection.id = model::DeriveDetectionId(rule.id, occurrence.session, occurrence.key);
  detection.rule = std::string(rule.id);
  detection.title = std::string(rule.title);
  for (absl::string_view technique : rule.techniques) {
    detection.techniques.emplace_back(technique);
  }
  detection.severity = rule.severity;
  detection.session = occurrence.session;
  detection.host = occurrence.host;
  detection.wall_ns = occurrence.wall_ns;
  return detection;
}

}  // namespace hoptrail::detect
