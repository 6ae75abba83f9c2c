#ifndef HOPTRAIL_COLLECTOR_RULES_PATH_DETECTION_H_
#define HOPTRAIL_COLLECTOR_RULES_PATH_DETECTION_H_

// The parts that detections of several rules have in common.

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

#include "collector/engine/values/path_view.h"
#include "core/detect/rule.h"
#include "core/model/detection.h"

namespace hoptrail::collector::rules {

// A detection of `rule` on the session of `step`, without summary and evidence. `key`: see
// detect::Occurrence.
model::Detection DetectionOn(const engine::Step& step, const hoptrail::detect::RuleInfo& rule,
                             int64_t wall_ns, absl::string_view key = "");

// "staff@gw from 192.0.2.9"; "staff@gw" for a root without an origin.
std::string LabelWithOrigin(const engine::Step& root);

// The severity, but at most medium on a path through a host without an agent, and at most low where
// that part of the path is less likely than not.
model::Severity Discounted(model::Severity severity, const engine::PathView& path);

// Sets the evidence "path" and "proof".
void AddPathEvidence(const engine::PathView& path, model::Detection* detection);

}  // namespace hoptrail::collector::rules

#endif  // HOPTRAIL_COLLECTOR_RULES_PATH_DETECTION_H_
