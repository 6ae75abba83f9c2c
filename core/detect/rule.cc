#include "core/detect/rule.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "core/base/digest.h"

namespace hoptrail::detect {
namespace {

// The key in a form that the wire carries unchanged, since the collector derives the id from it.
std::string OccurrenceText(absl::string_view key) {
  if (key.size() <= model::kMaxOccurrenceBytes &&
      std::all_of(key.begin(), key.end(), absl::ascii_isprint)) {
    return std::string(key);
  }
  const auto digest = Digest128({"occurrence", key});
  return absl::StrCat("digest:", absl::BytesToHexString(absl::string_view(
                                     reinterpret_cast<const char*>(digest.data()), digest.size())));
}

}  // namespace

model::Detection MakeDetection(const RuleInfo& rule, const Occurrence& occurrence) {
  model::Detection detection;
  detection.occurrence = OccurrenceText(occurrence.key);
  detection.id = model::DeriveDetectionId(rule.id, occurrence.session, detection.occurrence);
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
  if (detection.id !=
      model::DeriveDetectionId(detection.rule, detection.session, detection.occurrence)) {
    return "its id does not derive from its rule, session and occurrence";
  }
  for (const std::string& technique : detection.techniques) {
    const auto& own = rule.techniques;
    if (std::find(own.begin(), own.end(), absl::string_view(technique)) == own.end()) {
      return "it has a technique that the rule's metadata lacks";
    }
  }
  return "";
}

}  // namespace hoptrail::detect
