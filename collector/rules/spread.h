#ifndef HOPTRAIL_COLLECTOR_RULES_SPREAD_H_
#define HOPTRAIL_COLLECTOR_RULES_SPREAD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"

#include "collector/engine/values/path_view.h"
#include "core/detect/rule.h"
#include "core/model/detection.h"

namespace hoptrail::collector::detect {

// One root reaches many hosts in a short time. One detection a path, tied to its root.
class Spread {
 public:
  // A session that the root reached over a hop.
  struct Arrival {
    int64_t wall_ns = 0;  // corrected by what is known of its host's clock
    model::HostId host;
  };

  Spread(uint32_t hosts, int64_t window_ns) : hosts_(hosts), window_ns_(window_ns) {}

  static const hoptrail::detect::RuleInfo& Info();

  // `arrivals` in any order; the root's own host does not count.
  std::optional<model::Detection> Judge(
      const Step& root, std::vector<Arrival> arrivals,
      absl::FunctionRef<std::string(const model::HostId&)> name_of) const;

 private:
  const uint32_t hosts_;
  const int64_t window_ns_;
};

}  // namespace hoptrail::collector::detect

#endif  // HOPTRAIL_COLLECTOR_RULES_SPREAD_H_
