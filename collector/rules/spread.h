#ifndef HOPTRAIL_COLLECTOR_RULES_SPREAD_H_
#define HOPTRAIL_COLLECTOR_RULES_SPREAD_H_

#include <cstdint>
#include <optional>

#include "collector/rules/fleet_rule.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::rules {

// One root reaches many hosts in a short time. One detection a path, tied to its root. The root's
// own host is not counted.
class Spread final : public FleetRule {
 public:
  using Config = v1::SpreadConfig;
  explicit Spread(const Config& config);

  static const hoptrail::detect::RuleInfo& Info();
  const hoptrail::detect::RuleInfo& info() const override { return Info(); }
  Interests interests() const override { return kPaths; }
  Concern ConcernWith(const engine::PathExtent& extent) const override;
  std::optional<model::Detection> OnPath(const engine::PathChange& change) const override;

 private:
  const uint32_t hosts_;
  const int64_t window_ns_;
};

}  // namespace hoptrail::collector::rules

#endif  // HOPTRAIL_COLLECTOR_RULES_SPREAD_H_
