#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "collector/rules/fleet_rule.h"
#include "collector/rules/path_detection.h"
#include "core/detect/evidence.h"
#include "core/model/names.h"

namespace hoptrail::collector::rules {
namespace {

using engine::Step;
using hoptrail::detect::AddEvidence;
using hoptrail::detect::Bounded;
using hoptrail::detect::RuleInfo;

// A hop to a user whom no earlier session of the path had, the root included. One detection a
// session. The rule ignores sessions on the root's own host, where su and sudo are daily work.
class CredentialSwitchRule final : public FleetRule {
 public:
  static const RuleInfo& Info() {
    static const RuleInfo& info = *new RuleInfo{
        .id = "credential-switch",
        .title = "A path goes on as another user",
        .techniques = {"T1078", "T1021.004"},
        .severity = model::Severity::kHigh,
        .check =
            "Whose key or password opened this session, and may the person behind the first "
            "session have it?",
        .benign_causes = {"a shared account for deployment", "administrators who log in as root"},
    };
    return info;
  }

  explicit CredentialSwitchRule(const v1::FleetRulesConfig&) {}

  const RuleInfo& info() const override { return Info(); }
  Interests interests() const override { return kSessions; }

  std::optional<model::Detection> OnSession(const engine::SessionChange& change) const override {
    const engine::PathView& path = change.path;
    const Step& last = path.back();
    if (path.size() < 2 || last.depth == 0 || last.user.empty()) return std::nullopt;
    const Step& parent = path[path.size() - 2];
    if (parent.user.empty()) return std::nullopt;
    for (size_t i = 0; i + 1 < path.size(); ++i) {
      if (path[i].user == last.user) return std::nullopt;
    }
    const absl::string_view method =
        last.method == model::AuthMethod::kUnknown ? "" : model::ToString(last.method);
    model::Detection detection = DetectionOn(last, Info(), last.opened_wall_ns);
    detection.severity = Discounted(detection.severity, path);
    detection.summary = Bounded(absl::StrCat(engine::Label(path.front()), " became ",
                                             engine::Label(last), method.empty() ? "" : " by ",
                                             method, last.key_fingerprint.empty() ? "" : " ",
                                             last.key_fingerprint, ": ", engine::Chain(path)));
    AddEvidence(detection, "from_user", parent.user);
    AddEvidence(detection, "to_user", last.user);
    AddEvidence(detection, "root_user", path.front().user);
    AddEvidence(detection, "from_host", parent.host_name);
    AddEvidence(detection, "to_host", last.host_name);
    AddEvidence(detection, "from_host_id", model::ToString(parent.host));
    AddEvidence(detection, "to_host_id", model::ToString(last.host));
    AddEvidence(detection, "method", method);
    AddEvidence(detection, "key_fingerprint", last.key_fingerprint);
    AddPathEvidence(path, &detection);
    return detection;
  }
};

}  // namespace

FleetRuleEntry CredentialSwitch() { return EntryOf<CredentialSwitchRule>(); }

}  // namespace hoptrail::collector::rules
