#ifndef HOPTRAIL_COLLECTOR_ENGINE_VALUES_PATH_FOR_TEST_H_
#define HOPTRAIL_COLLECTOR_ENGINE_VALUES_PATH_FOR_TEST_H_

#include <string>
#include <utility>
#include <vector>

#include "collector/engine/values/path_view.h"

namespace hoptrail::collector::engine {

// For tests: a path of sessions, each given as (user, host), that proven hops join.
inline PathView MakePath(const std::vector<std::pair<std::string, std::string>>& labels) {
  PathView path;
  for (const auto& [user, host] : labels) {
    Step step;
    step.session.bytes[0] = static_cast<uint8_t>(path.size() + 1);
    step.host.machine.bytes[0] = static_cast<uint8_t>(path.size() + 1);
    step.title = step.user = user;
    step.host_name = host;
    step.depth = static_cast<uint32_t>(path.size());
    step.by_hop = !path.empty();
    if (step.by_hop) step.proof = model::Proof::kProven;
    step.opened_wall_ns = static_cast<int64_t>(path.size()) * 1'000'000'000;
    path.push_back(step);
  }
  return path;
}

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_VALUES_PATH_FOR_TEST_H_
