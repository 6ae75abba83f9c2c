#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "agent/rules/host_rule.h"
#include "agent/rules/reported_detections.h"
#include "core/detect/evidence.h"

namespace hoptrail::agent::rules {
namespace {

using detect::AddEvidence;

// A remote session connects to another host by a protocol that gives control of that host. One
// detection for each session and destination.
class PivotRule : public HostRule {
 public:
  static const detect::RuleInfo& Info() {
    static const auto* const info = new detect::RuleInfo{
        .id = "pivot",
        .title = "A remote session opened an administrative connection to another host",
        .techniques = {"T1021.004"},
        .severity = model::Severity::kLow,
        .check = "Whether this user is meant to go from this host to that one, and by which key.",
        .benign_causes = {"jump hosts",
                          "configuration management run from an administrator's shell",
                          "git over ssh"}};
    return *info;
  }

  explicit PivotRule(const RuleOptions& options) {
    const auto& ports = options.config.pivot().ports();
    if (!ports.empty()) ports_.assign(ports.begin(), ports.end());
  }

  const detect::RuleInfo& info() const override { return Info(); }
  session::Interests interests() const override {
    return {session::Activity::kHopEnd, session::Activity::kProvenanceKnown};
  }

  void OnEvent(const session::EnrichedEvent& event, DetectionSink& out) override {
    if (event.kind == session::Activity::kProvenanceKnown) {
      reported_.OnProvenance(event, out);
    } else if (event.by_remote_login() && LeadsElsewhere(*event.hop)) {
      Report(event, out);
    }
  }

 private:
  // Not to this host, by whichever of its addresses.
  bool LeadsElsewhere(const model::HopEnd& hop) const {
    const model::Endpoint& to = hop.flow.server;
    return hop.side == model::HopSide::kClient &&
           std::find(ports_.begin(), ports_.end(), to.port) != ports_.end() &&
           !to.address.is_loopback() && to.address != hop.flow.client.address;
  }

  void Report(const session::EnrichedEvent& event, DetectionSink& out) {
    const model::HopEnd& hop = *event.hop;
    const model::Session& session = *event.session;
    const std::string destination = model::ToString(hop.flow.server);
    model::Detection detection =
        detect::MakeDetection(Info(), {.host = hop.host,
                                       .session = session.id,
                                       .key = destination,
                                       .wall_ns = hop.established_wall_ns});
    if (reported_.Contains(session.id, detection.id)) return;
    const std::string user = session.user.empty() ? hop.user : session.user;
    detection.summary = detect::Bounded(
        absl::StrCat(user.empty() ? absl::StrCat("uid ", hop.uid) : user, ", logged in from ",
                     session.entry.has_value() ? model::ToString(session.entry->flow.client.address)
                                               : std::string("another host"),
                     ", connected to ", destination, " with ", hop.program));
    AddEvidence(detection, "destination", destination);
    AddEvidence(detection, "program", hop.program);
    AddEvidence(detection, "user", user);
    AddEvidence(detection, "process_user", hop.user);
    if (session.entry.has_value()) {
      AddEvidence(detection, "origin", model::ToString(session.entry->flow.client));
    }
    AddEvidence(detection, "key", session.authentication.key_fingerprint);
    reported_.Report(event, std::move(detection), out);
  }

  // The ports of administrative protocols.
  std::vector<uint32_t> ports_ = {22, 23, 512, 513, 514, 2375, 2376, 3389, 5900, 5985, 5986};
  ReportedDetections reported_{/*down_a_path=*/model::Severity::kMedium};
};

}  // namespace

HostRuleEntry Pivot() { return EntryOf<PivotRule>(); }

}  // namespace hoptrail::agent::rules
