#include <optional>
#include <string>

#include "absl/strings/str_cat.h"

#include "collector/rules/fleet_rule.h"
#include "collector/rules/path_detection.h"
#include "core/detect/evidence.h"

namespace hoptrail::collector::rules {
namespace {

using engine::OriginHost;
using engine::OriginReason;
using engine::Step;
using hoptrail::detect::AddEvidence;
using hoptrail::detect::Bounded;
using hoptrail::detect::RuleInfo;

// The missing part decides. Nothing: the connection did not leave the host, or the fleet could not
// have seen it.
std::optional<model::Severity> SeverityOf(OriginReason reason) {
  switch (reason) {
    case OriginReason::kConnectionNotReported:
    case OriginReason::kRawSocket:
      return model::Severity::kHigh;
    case OriginReason::kAgentDown:
      return model::Severity::kMedium;
    case OriginReason::kAddressMoved:
      return model::Severity::kLow;
    case OriginReason::kUnknown:
    case OriginReason::kAgentCameLater:
    case OriginReason::kSameHost:
    case OriginReason::kNoAgent:
      return std::nullopt;
  }
  return std::nullopt;
}

// A session came from the address of a host of the fleet, and that host's agent did not report the
// connection in time. One detection a session, withdrawn when the report arrives. An address that
// several hosts have names no host, and a translation's address is none of a host.
class BlindHopRule final : public FleetRule {
 public:
  static const RuleInfo& Info() {
    static const RuleInfo& info = *new RuleInfo{
        .id = "blind-hop",
        .title = "A hop from a host of the fleet that did not report it",
        .techniques = {"T1021", "T1562.006"},
        .severity = model::Severity::kHigh,
        .check =
            "Who was on the origin host at that time? Its agent reports nothing about it, so look "
            "at the host itself, and at what happened to its agent.",
        .benign_causes = {"the agent was being upgraded or the host restarted during the login",
                          "another machine got the address, and has no agent"},
    };
    return info;
  }

  explicit BlindHopRule(const v1::FleetRulesConfig&) {}

  const RuleInfo& info() const override { return Info(); }
  Interests interests() const override { return kSessions; }

  std::optional<model::Detection> OnSession(const engine::SessionChange& change) const override {
    const Step& last = change.path.back();
    if (last.origin_hosts.size() != 1) return std::nullopt;
    const OriginHost& origin = last.origin_hosts.front();
    std::optional<model::Severity> severity = SeverityOf(origin.reason);
    if (!severity.has_value()) return std::nullopt;
    // Agents count connections to most ports instead of reporting each.
    if (!last.authenticated) severity = model::Severity::kLow;
    const std::string host = engine::NameOf(origin);
    model::Detection detection = DetectionOn(last, Info(), last.opened_wall_ns);
    detection.severity = *severity;
    detection.summary = Bounded(absl::StrCat(engine::Label(last), " came from ", host, " (",
                                             origin.address, "): ", engine::MissingWords(origin)));
    AddEvidence(detection, "origin", origin.address);
    AddEvidence(detection, "origin_host", host);
    AddEvidence(detection, "missing", engine::MissingWords(origin));
    AddPathEvidence(change.path, &detection);
    return detection;
  }
};

}  // namespace

FleetRuleEntry BlindHop() { return EntryOf<BlindHopRule>(); }

}  // namespace hoptrail::collector::rules
