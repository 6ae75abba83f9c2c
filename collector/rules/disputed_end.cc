#include "collector/rules/disputed_end.h"

#include "absl/strings/str_cat.h"

#include "collector/rules/path_detection.h"
#include "core/detect/evidence.h"

namespace hoptrail::collector::rules {

using hoptrail::detect::AddEvidence;
using hoptrail::detect::Bounded;
using hoptrail::detect::RuleInfo;

const RuleInfo& DisputedEnd::Info() {
  static const RuleInfo& info = *new RuleInfo{
      .id = "disputed-end",
      .title = "Two hosts report the same end of a connection",
      .techniques = {"T1565.002"},
      .severity = model::Severity::kHigh,
      .check =
          "Is this host's agent the one that was installed, and who else could have its "
          "certificate? Nothing that the host reports is certain until then.",
      .benign_causes = {"a virtual machine that was cloned while it ran, with its connections"},
  };
  return info;
}

std::optional<model::Detection> DisputedEnd::OnSession(const engine::SessionChange& change) const {
  const engine::Step& last = change.path.back();
  if (last.disputed_ends == 0) return std::nullopt;
  model::Detection detection = DetectionOn(last, Info(), last.opened_wall_ns);
  detection.summary = Bounded(
      absl::StrCat(engine::HostLabel(last), " reports ", last.disputed_ends,
                   last.disputed_ends == 1 ? " end of a connection" : " ends of connections",
                   " of ", engine::Label(last), " as its own that another host has reported"));
  AddEvidence(detection, "disputed_ends", absl::StrCat(last.disputed_ends));
  AddPathEvidence(change.path, &detection);
  return detection;
}

}  // namespace hoptrail::collector::rules
