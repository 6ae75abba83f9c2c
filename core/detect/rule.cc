#include "core/detect/rule.h"

#include <algorithm>

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

absl::string_view ReasonToRefuse(const RuleInfo& rule, const model::Detection& detection) {
  if (absl::string_view(detection.rule) != rule.id) return "it has the id of another rule";
  if (detection.session.empty()) return "it names no session";
  for (const std::string& technique : detection.techniques) {
    const auto& own = rule.techniques;
    if (std::find(own.begin(), own.end(), absl::string_view(technique)) == own.end()) {
      return "it has a technique that the rule's metadata lacks";
    }
  }
  return "";
}

}  // namespace hoptrail::detect
