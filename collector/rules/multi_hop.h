#ifndef HOPTRAIL_COLLECTOR_RULES_MULTI_HOP_H_
#define HOPTRAIL_COLLECTOR_RULES_MULTI_HOP_H_

#include <cstdint>
#include <optional>

#include "collector/rules/fleet_rule.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::rules {

// A path of several hops. One detection a path, tied to its deepest session and emitted again as
// the path grows. Its severity is medium, or high on a path that is deeper than the least depth or
// on which the user changes.
class MultiHop final : public FleetRule {
 public:
  using Config = v1::MultiHopConfig;
  explicit MultiHop(const Config& config);

  static const hoptrail::detect::RuleInfo& Info();
  const hoptrail::detect::RuleInfo& info() const override { return Info(); }
  Interests interests() const override { return kPaths; }
  Concern ConcernWith(const engine::PathExtent& extent) const override;
  std::optional<model::Detection> OnPath(const engine::PathChange& change) const override;

 private:
  const uint32_t least_depth_;
};

}  // namespace hoptrail::collector::rules

#endif  // HOPTRAIL_COLLECTOR_RULES_MULTI_HOP_H_
