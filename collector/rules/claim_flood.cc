#include <optional>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "collector/rules/fleet_rule.h"
#include "collector/rules/path_detection.h"
#include "core/detect/evidence.h"

namespace hoptrail::collector::rules {
namespace {

using engine::AgentTrouble;
using engine::ClaimKind;
using hoptrail::detect::AddEvidence;
using hoptrail::detect::Bounded;
using hoptrail::detect::RuleInfo;

absl::string_view KindName(ClaimKind kind) {
  switch (kind) {
    case ClaimKind::kSessions:
      return "sessions";
    case ClaimKind::kDetections:
      return "detections";
    case ClaimKind::kIncidents:
      return "incidents";
  }
  return "";
}

// A host reports more than a host does. Somebody who holds its certificate may bury an intrusion
// among invented ones. One detection for each kind and session, at most one an hour.
class ClaimFloodRule final : public FleetRule {
 public:
  static const RuleInfo& Info() {
    static const RuleInfo& info = *new RuleInfo{
        .id = "claim-flood",
        .title = "A host reports more than a host does",
        .techniques = {"T1565.002"},
        .severity = model::Severity::kHigh,
        .check =
            "Is this host's agent the one that was installed, and who else could have its "
            "certificate? Look at the other incidents of this time: one of them may be real.",
        .benign_causes = {"a host that runs many short logins or containers each second",
                          "a test of the rules"},
    };
    return info;
  }

  explicit ClaimFloodRule(const v1::FleetRulesConfig&) {}

  const RuleInfo& info() const override { return Info(); }
  Interests interests() const override { return kAgentTrouble; }

  std::optional<model::Detection> OnAgentTrouble(const AgentTrouble& trouble) const override {
    const auto* flood = std::get_if<engine::ClaimFlood>(&trouble.what);
    if (flood == nullptr) return std::nullopt;
    const absl::string_view kind = KindName(flood->kind);
    model::Detection detection = DetectionOn(trouble.suspect, Info(), trouble.wall_ns, kind);
    detection.summary = Bounded(absl::StrCat(
        engine::HostLabel(trouble.suspect), " reports more ", kind, " than a host does; ",
        flood->kind == ClaimKind::kIncidents ? "further ones wait" : "it is slowed down"));
    AddEvidence(detection, "kind", kind);
    AddEvidence(detection, "last_session", engine::Label(trouble.suspect));
    return detection;
  }
};

}  // namespace

FleetRuleEntry ClaimFlood() { return EntryOf<ClaimFloodRule>(); }

}  // namespace hoptrail::collector::rules
