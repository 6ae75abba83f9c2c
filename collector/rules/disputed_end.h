#ifndef HOPTRAIL_COLLECTOR_RULES_DISPUTED_END_H_
#define HOPTRAIL_COLLECTOR_RULES_DISPUTED_END_H_

#include <optional>

#include "collector/rules/fleet_rule.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::rules {

// A host reports an end of a connection as its own that another host has reported, too. At least
// one of them reports what is not true: its agent is no longer the agent, or somebody has its
// certificate. The path keeps the end that fits better or was reported first.
class DisputedEnd final : public FleetRule {
 public:
  using Config = v1::DisputedEndConfig;
  explicit DisputedEnd(const Config&) {}

  static const hoptrail::detect::RuleInfo& Info();
  const hoptrail::detect::RuleInfo& info() const override { return Info(); }
  Interests interests() const override { return kSessions; }
  std::optional<model::Detection> OnSession(const engine::SessionChange& change) const override;
};

}  // namespace hoptrail::collector::rules

#endif  // HOPTRAIL_COLLECTOR_RULES_DISPUTED_END_H_
