#ifndef HOPTRAIL_COLLECTOR_RULES_CREDENTIAL_SWITCH_H_
#define HOPTRAIL_COLLECTOR_RULES_CREDENTIAL_SWITCH_H_

#include <optional>

#include "collector/rules/fleet_rule.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::rules {

// A hop to a user whom no earlier session of the path had, the root included. One detection a
// session. The rule ignores sessions on the root's own host, where su and sudo are daily work.
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
