#ifndef HOPTRAIL_COLLECTOR_RULES_MULTI_HOP_H_
#define HOPTRAIL_COLLECTOR_RULES_MULTI_HOP_H_

#include <cstdint>
#include <optional>

#include "collector/engine/values/path_view.h"
#include "core/detect/rule.h"
#include "core/model/detection.h"

namespace hoptrail::collector::detect {

// A path of several hops. One detection a path, told again as the path grows: the caller gives the
// way to the deepest session and keeps the detection's id.
class MultiHop {
 public:
  explicit MultiHop(uint32_t least_depth) : least_depth_(least_depth) {}

  static const hoptrail::detect::RuleInfo& Info();

  // Medium; high from one hop more than the least depth on, or where the user changes on the way.
  std::optional<model::Detection> Judge(const PathView& path) const;

 private:
  const uint32_t least_depth_;
};

}  // namespace hoptrail::collector::detect

#endif  // HOPTRAIL_COLLECTOR_RULES_MULTI_HOP_H_
