#include <optional>

#include "absl/strings/str_cat.h"

#include "collector/rules/fleet_rule.h"
#include "collector/rules/path_detection.h"
#include "core/detect/evidence.h"

namespace hoptrail::collector::rules {
namespace {

using engine::Step;
using hoptrail::detect::AddEvidence;
using hoptrail::detect::Bounded;
using hoptrail::detect::RuleInfo;

// A host reports an end of a connection as its own that another host has reported, too. At least
// one of them reports what is not true: its agent was replaced, or somebody has its certificate.
// The path keeps the end that fits better or was reported first, and this is a detection on the
// other one.
class DisputedEndRule final : public FleetRule {
 public:
  static const RuleInfo& Info() {
    static const RuleInfo& info = *new RuleInfo{
        .id = "disputed-end",
        .title = "Two hosts report the same end of a connection",
        .techniques = {"T1565.002"},
        .severity = model::Severity::kHigh,
        .check =
            "One of both hosts reports what is not true. Is this host's agent the one that was "
            "installed, and who else could have its certificate?",
        .benign_causes = {"a virtual machine that was cloned while it ran, with its connections"},
    };
    return info;
  }

  explicit DisputedEndRule(const v1::FleetRulesConfig&) {}

  const RuleInfo& info() const override { return Info(); }
  Interests interests() const override { return kSessions; }

  std::optional<model::Detection> OnSession(const engine::SessionChange& change) const override {
    const Step& last = change.path.back();
    if (last.disputed_ends == 0) return std::nullopt;
    model::Detection detection = DetectionOn(last, Info(), last.opened_wall_ns);
    const bool one = last.disputed_ends == 1;
    detection.summary =
        Bounded(absl::StrCat(engine::HostLabel(last), " reports ", last.disputed_ends,
                             one ? " end of a connection of " : " ends of connections of ",
                             engine::Label(last), " that another host has reported as its own"));
    AddEvidence(detection, "disputed_ends", absl::StrCat(last.disputed_ends));
    AddPathEvidence(change.path, &detection);
    return detection;
  }
};

}  // namespace

FleetRuleEntry DisputedEnd() { return EntryOf<DisputedEndRule>(); }

}  // namespace hoptrail::collector::rules
