#include "core/detect/blinding.h"

#include <optional>
#include <string>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

#include "collector/rules/fleet_rule.h"
#include "collector/rules/path_detection.h"
#include "core/detect/evidence.h"

namespace hoptrail::collector::rules {
namespace {

using engine::AgentReturn;
using engine::AgentSilence;
using engine::AgentTrouble;
using engine::Label;
using engine::SuspectGround;
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

// The sentence's beginning: who is suspected, and why.
std::string Circumstances(const AgentTrouble& trouble) {
  const std::string suspect = Label(trouble.suspect);
  switch (trouble.ground) {
    case SuspectGround::kNamed:
      return absl::StrCat("from ", trouble.suspect_is_login ? "the login of " : "", suspect);
    case SuspectGround::kLoggedIn:
      return absl::StrCat("while ", suspect, " was logged in");
    case SuspectGround::kIncident:
      return absl::StrCat("nobody was logged in, and ", suspect, " is on an incident");
    case SuspectGround::kArrived:
      return absl::StrCat("nobody was logged in, and ", suspect, " came from elsewhere");
    case SuspectGround::kServed:
      return absl::StrCat("nobody was logged in, and ", suspect, " had accepted a connection");
    case SuspectGround::kHost:
      break;
  }
  return absl::StrCat("nobody was logged in on ", engine::HostLabel(trouble.suspect));
}

bool HasSuspect(const AgentTrouble& trouble) {
  return trouble.ground == SuspectGround::kNamed || trouble.ground == SuspectGround::kLoggedIn;
}

// Low opens no incident.
model::Severity MediumIf(bool suspicious) {
  return suspicious ? model::Severity::kMedium : model::Severity::kLow;
}

bool Suspicious(const AgentTrouble& trouble) {
  return HasSuspect(trouble) || trouble.ground == SuspectGround::kIncident ||
         trouble.before.hop_lately || trouble.before.detection_lately;
}

// `variant`: distinguishes detections of one kind whose severities differ, so that a harmless one
// does not take the place of another.
model::Detection Make(absl::string_view kind, int64_t wall_ns, absl::string_view detail,
                      const AgentTrouble& trouble, absl::string_view variant = "") {
  const engine::Step& suspect = trouble.suspect;
  model::Detection detection =
      DetectionOn(suspect, hoptrail::detect::BlindingInfo(), wall_ns, absl::StrCat(kind, variant));
  const absl::string_view colon = trouble.ground == SuspectGround::kNamed ? ", " : ": ";
  detection.summary = Bounded(absl::StrCat(Circumstances(trouble), colon, detail));
  AddEvidence(detection, "kind", kind);
  AddEvidence(detection, "detail", detail);
  if (trouble.suspect_is_login) AddEvidence(detection, "logged_in", Label(suspect));
  if (trouble.ground != SuspectGround::kHost) AddEvidence(detection, "suspect", Label(suspect));
  AddEvidence(detection, "origin", suspect.origin);
  if (trouble.other_sessions > 0) {
    AddEvidence(detection, "other_open_sessions", absl::StrCat(trouble.other_sessions));
  }
  AddEvidence(detection, "last_hops_in", absl::StrJoin(trouble.before.hops_in, "; "));
  AddEvidence(detection, "last_detections", absl::StrJoin(trouble.before.detections, "; "));
  AddEvidence(detection, "last_sessions", absl::StrJoin(trouble.before.sessions, "; "));
  return detection;
}

std::optional<model::Detection> Evaluate(const model::Interference& interference,
                                         const AgentTrouble& trouble) {
  model::Detection detection =
      Make(NameOf(interference.kind), interference.wall_ns, interference.detail, trouble);
  switch (interference.kind) {
    case model::InterferenceKind::kBlind:
      // A machine without time to run the agent looks the same.
      if (!HasSuspect(trouble)) detection.severity = MediumIf(Suspicious(trouble));
      break;
    case model::InterferenceKind::kSilent:
      detection.severity = MediumIf(Suspicious(trouble));
      break;
    case model::InterferenceKind::kCloned:
      // An administrator may have copied the machine, or somebody has stolen the certificate.
      detection.title = "Two agents speak for one host";
      detection.severity = model::Severity::kMedium;
      break;
    case model::InterferenceKind::kWeakened:
      // An administrator may have rolled out a configuration.
      detection.title = "A new configuration makes the sensor see or report less";
      detection.severity = MediumIf(Suspicious(trouble));
      break;
    default:
      break;
  }
  return detection;
}

// The network or the power may be the cause, but not of a connection that the host itself closed.
std::optional<model::Detection> Evaluate(const AgentSilence& silence, const AgentTrouble& trouble) {
  model::Detection detection = Make("silent", silence.wall_ns, silence.detail, trouble,
                                    silence.closed ? " after its connection was closed" : "");
  const AgentTrouble& t = trouble;
  // Things that many hosts have in common are not the work of one login.
  const bool alone = silence.closed || t.before.hop_lately;
  detection.severity = MediumIf(HasSuspect(t) || t.ground == SuspectGround::kIncident ||
                                t.before.detection_lately || (alone && !silence.among_others));
  if (silence.closed)
    detection.title = "The sensor's processes ended, and nobody had asked them to";
  return detection;
}

std::optional<model::Detection> Evaluate(const AgentReturn& agent_return,
                                         const AgentTrouble& trouble) {
  using Missing = AgentReturn::Missing;
  switch (agent_return.missing) {
    case Missing::kState: {
      model::Detection detection = Make("state-lost", agent_return.wall_ns, agent_return.detail,
                                        trouble, agent_return.broken ? "" : " after a goodbye");
      detection.title = "The sensor came back without its state";
      // A new installation, or a container that keeps no state, loses it after a goodbye.
      if (!agent_return.broken) detection.severity = MediumIf(Suspicious(trouble));
      return detection;
    }
    case Missing::kEnd: {
      model::Detection detection =
          Make("restarted", agent_return.wall_ns, agent_return.detail, trouble);
      detection.title = "The sensor was started again, and nobody saw its end";
      return detection;
    }
    case Missing::kRecords: {
      model::Detection detection =
          Make("records-missing", agent_return.wall_ns, agent_return.detail, trouble);
      detection.title = "Records of the sensor are missing that it had spooled";
      detection.severity = model::Severity::kMedium;
      return detection;
    }
  }
  return std::nullopt;
}

// Nothing for an agent that its service manager ended without anybody behind it, and for one that
// replaces itself.
std::optional<model::Detection> Evaluate(const model::Goodbye& goodbye,
                                         const AgentTrouble& trouble) {
  using model::StopCause;
  if (goodbye.cause == StopCause::kReplacement) return std::nullopt;
  const bool by_manager = goodbye.cause == StopCause::kServiceManager;
  if (by_manager && goodbye.session.empty()) return std::nullopt;
  const bool named = trouble.ground == SuspectGround::kNamed;
  const std::string detail =
      absl::StrCat("the agent was asked to end",
                   goodbye.detail.empty() ? "" : absl::StrCat(": ", goodbye.detail));
  const bool by_package_manager = goodbye.cause == StopCause::kPackageManager;
  model::Detection detection = Make("goodbye", trouble.wall_ns, detail, trouble,
                                    by_package_manager ? " by a package manager"
                                    : by_manager       ? " by the service manager"
                                                       : "");
  if (named) {
    detection.title = trouble.suspect_is_login ? "A login ended the sensor"
                                               : "A process of a service or job ended the sensor";
  }
  // An administrator stops the agent through the service manager and does not kill its processes.
  if (by_package_manager) {
    detection.title = "A package manager ended the sensor";
    detection.severity = model::Severity::kLow;
  } else if (by_manager) {
    // Configuration management works without a login.
    const bool suspicious =
        trouble.suspect_is_login || trouble.before.detection_lately || trouble.suspect.depth > 0;
    detection.severity = MediumIf(suspicious);
  } else if (goodbye.cause != StopCause::kProcess) {
    detection.severity = MediumIf(Suspicious(trouble));
  } else if (!Suspicious(trouble)) {
    detection.severity = model::Severity::kMedium;
  }
  return detection;
}

// Nothing for losses outside the kernel side, which an intruder does not cause, but for a spool
// that is gone.
std::optional<model::Detection> Evaluate(const model::Loss& loss, const AgentTrouble& trouble) {
  if (loss.where == "spool" && (loss.type == "removed" || loss.type == "damaged")) {
    model::Detection detection = Make(absl::StrCat("loss spool/", loss.type), loss.until_wall_ns,
                                      absl::StrCat("the agent's spool was ", loss.type), trouble);
    detection.title = "Records of the sensor are missing that it had spooled";
    // A disk may damage a file. It removes none.
    detection.severity = MediumIf(loss.type == "removed" || Suspicious(trouble));
    return detection;
  }
  // A busy host fills the low ring and the tables without an intruder.
  const bool high = loss.where == "ring/high";
  if (!high && loss.where != "ring/low" && !absl::StartsWith(loss.where, "table/")) {
    return std::nullopt;
  }
  if (!HasSuspect(trouble)) return std::nullopt;
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

// The collector's half of `blinding`: an agent ended, was stopped, became blind or silent, lost
// records, or came back without what it had. One detection for each kind of trouble and session,
// tied to the most suspicious session, and emitted again when the trouble happens again. Its
// severity depends on the cause, and on what preceded it on the host (docs/decisions/0033).
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
