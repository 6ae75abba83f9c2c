#include "collector/rules/path_detection.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"

#include "core/detect/evidence.h"
#include "core/model/names.h"
#include "core/model/unmonitored.h"

namespace hoptrail::collector::rules {

using hoptrail::detect::AddEvidence;

model::Detection DetectionOn(const engine::Step& step, const hoptrail::detect::RuleInfo& rule,
                             int64_t wall_ns, absl::string_view key) {
  return hoptrail::detect::MakeDetection(
      rule, {.host = step.host, .session = step.session, .key = key, .wall_ns = wall_ns});
}

std::string LabelWithOrigin(const engine::Step& root) {
  return absl::StrCat(engine::Label(root), root.origin.empty() ? "" : " from ", root.origin);
}

model::Severity Discounted(model::Severity severity, const engine::PathView& path) {
  for (size_t i = 1; i < path.size(); ++i) {
    if (!model::UnmonitoredAddress(path[i - 1].host).has_value()) continue;
    const bool likely = path[i].probability >= 0.5;
    severity = std::min(severity, likely ? model::Severity::kMedium : model::Severity::kLow);
  }
  return severity;
}

void AddPathEvidence(const engine::PathView& path, model::Detection* detection) {
  const model::Proof proof = engine::Proven(path) ? model::Proof::kProven : model::Proof::kInferred;
  AddEvidence(*detection, "path", engine::Chain(path));
  AddEvidence(*detection, "proof", model::ToString(proof));
}

}  // namespace hoptrail::collector::rules
