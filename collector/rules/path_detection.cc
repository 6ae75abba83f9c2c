#include "collector/rules/path_detection.h"

#include "absl/strings/str_cat.h"

#include "core/detect/evidence.h"
#include "core/model/names.h"

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

void AddPathEvidence(const engine::PathView& path, model::Detection* detection) {
  const model::Proof proof = engine::Proven(path) ? model::Proof::kProven : model::Proof::kInferred;
  AddEvidence(*detection, "path", engine::Chain(path));
  AddEvidence(*detection, "proof", model::ToString(proof));
}

}  // namespace hoptrail::collector::rules
