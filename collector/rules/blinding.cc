#include "core/detect/blinding.h"

#include <optional>
#include <string>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "collector/rules/fleet_rule.h"
#include "collector/rules/path_detection.h"
#include "core/detect/evidence.h"

namespace hoptrail::collector::rules {
namespace {

using engine::AgentTrouble;
using engine::Label;
using hoptrail::detect::AddEvidence;
using hoptrail::detect::Bounded;

absl::string_view NameOf(model::InterferenceKind kind) {
  switch (kind) {
    case model::InterferenceKind::kEnded:
      return "ended";
    case model::InterferenceKind::kStopped:
      return "stopped";
    case model::InterferenceKind::kBlind:
      return "blind";
    case model::InterferenceKind::kSilent:
      return "silent";
    case model::InterferenceKind::kCloned:
      return "cloned";
    case model::InterferenceKind::kWeakened:
      return "weakened";
    case model::InterferenceKind::kUnknown:
      break;
  }
  return "unknown";
}

model::Detection Make(absl::string_view kind, int64_t wall_ns, absl::string_view detail,
                      const AgentTrouble& trouble) {
  const engine::Step& suspect = trouble.suspect;
  model::Detection detection =
      DetectionOn(suspect, hoptrail::detect::BlindingInfo(), wall_ns, kind);
  detection.summary = Bounded(absl::StrCat("while ", Label(suspect), " was logged in: ", detail));
  AddEvidence(detection, "kind", kind);
  AddEvidence(detection, "detail", detail);
  AddEvidence(detection, "logged_in", Label(suspect));
  AddEvidence(detection, "origin", suspect.origin);
  if (trouble.other_sessions > 0) {
    AddEvidence(detection, "other_open_sessions", absl::StrCat(trouble.other_sessions));
  }
  return detection;
}

std::optional<model::Detection> Evaluate(const model::Interference& interference,
                                         const AgentTrouble& trouble) {
  model::Detection detection =
      Make(NameOf(interference.kind), interference.wall_ns, interference.detail, trouble);
  // The network may be the cause.
  if (interference.kind == model::InterferenceKind::kSilent) {
    detection.severity = model::Severity::kMedium;
  }
  // An administrator may have copied the machine, or somebody has stolen the certificate.
  if (interference.kind == model::InterferenceKind::kCloned) {
    detection.title = "Two agents speak for one host";
    detection.severity = model::Severity::kMedium;
  }
  // An administrator may have rolled out a configuration.
  if (interference.kind == model::InterferenceKind::kWeakened) {
    detection.title = "A new configuration makes the sensor see or report less";
    detection.severity = model::Severity::kMedium;
  }
  return detection;
}

// Nothing for an agent that its service manager ended without a login behind it, and for one that
// replaces itself.
std::optional<model::Detection> Evaluate(const model::Goodbye& goodbye,
                                         const AgentTrouble& trouble) {
  if (goodbye.cause == model::StopCause::kReplacement) return std::nullopt;
  if (goodbye.cause == model::StopCause::kServiceManager && goodbye.session.empty()) {
    return std::nullopt;
  }
  const std::string detail =
      absl::StrCat("the agent was asked to end",
                   goodbye.detail.empty() ? "" : absl::StrCat(": ", goodbye.detail));
  model::Detection detection = Make("goodbye", trouble.wall_ns, detail, trouble);
  if (trouble.named) {
    detection.title = "A login ended the sensor";
    detection.summary =
        Bounded(absl::StrCat("from the login of ", Label(trouble.suspect), ", ", detail));
  }
  // An administrator stops the agent through the service manager and does not kill its processes.
  if (goodbye.cause != model::StopCause::kProcess) detection.severity = model::Severity::kMedium;
  return detection;
}

// Nothing for losses outside the kernel side: an intruder does not cause losses in the agent's own
// queues.
std::optional<model::Detection> Evaluate(const model::Loss& loss, const AgentTrouble& trouble) {
  // A busy host fills the low ring and the tables without an intruder.
  const bool high = loss.where == "ring/high";
  if (!high && loss.where != "ring/low" && !absl::StartsWith(loss.where, "table/")) {
    return std::nullopt;
  }
  model::Detection detection =
      Make(absl::StrCat("loss ", loss.where), loss.until_wall_ns,
           absl::StrCat("the kernel side lost ", loss.count, " records (", loss.where,
                        loss.type.empty() ? "" : ", ", loss.type, ")"),
           trouble);
  detection.severity = high ? model::Severity::kMedium : model::Severity::kLow;
  return detection;
}

// Not this rule's: see claim_flood.cc.
std::optional<model::Detection> Evaluate(const engine::ClaimFlood&, const AgentTrouble&) {
  return std::nullopt;
}

// The collector's half of `blinding`: an agent ended, was stopped, became blind or silent, or lost
// records while somebody was logged in. One detection for each kind of trouble and session, tied to
// the most suspicious open session, and emitted again when the trouble happens again.
class BlindingRule final : public FleetRule {
 public:
  static const hoptrail::detect::RuleInfo& Info() { return hoptrail::detect::BlindingInfo(); }

  explicit BlindingRule(const v1::FleetRulesConfig&) {}

  const hoptrail::detect::RuleInfo& info() const override { return Info(); }
  Interests interests() const override { return kAgentTrouble; }

  std::optional<model::Detection> OnAgentTrouble(const AgentTrouble& trouble) const override {
    return std::visit([&trouble](const auto& what) { return Evaluate(what, trouble); },
                      trouble.what);
  }
};

}  // namespace

FleetRuleEntry Blinding() { return EntryOf<BlindingRule>(); }

}  // namespace hoptrail::collector::rules
