#ifndef HOPTRAIL_COLLECTOR_RULES_CREDENTIAL_SWITCH_H_
#define HOPTRAIL_COLLECTOR_RULES_CREDENTIAL_SWITCH_H_

#include <optional>

#include "collector/rules/fleet_rule.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::rules {

// A hop on which the user becomes one that nobody on the path before it was, the root included.
// One detection a session. On the root's own host nothing is judged: su and sudo there are daily.
class CredentialSwitch final : public FleetRule {
 public:
  using Config = v1::CredentialSwitchConfig;
  explicit CredentialSwitch(const Config&) {}

  static const hoptrail::detect::RuleInfo& Info();
  const hoptrail::detect::RuleInfo& info() const override { return Info(); }
  Interests interests() const override { return kSessions; }
  std::optional<model::Detection> OnSession(const engine::SessionChange& change) const override;
};

}  // namespace hoptrail::collector::rules

#endif  // HOPTRAIL_COLLECTOR_RULES_CREDENTIAL_SWITCH_H_
