#ifndef HOPTRAIL_COLLECTOR_RULES_FLEET_RULE_H_
#define HOPTRAIL_COLLECTOR_RULES_FLEET_RULE_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "collector/engine/values/agent_trouble.h"
#include "collector/engine/values/graph_change.h"
#include "core/detect/rule.h"
#include "core/model/detection.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::rules {

// The kinds of changes that a rule evaluates: bits.
using Interests = uint32_t;
inline constexpr Interests kSessions = 1;      // one detection a session
inline constexpr Interests kPaths = 2;         // one detection a path
inline constexpr Interests kAgentTrouble = 4;  // one detection for each kind of trouble and session

// Whether a rule has to see a path, given the extent of the path.
enum class Concern : uint8_t {
  kNone = 0,  // the rule has no detection on such a path
  kEvaluate,  // OnPath decides
  kKeep,      // the present detection, if there is one, stays
};

// One rule over the fleet's graph. Its file holds its metadata and its evaluation, and nothing of
// the engine: the change that it evaluates holds everything it may use, and equal changes give
// equal detections. It reads its own message under FleetRulesConfig and has one line in
// registry.cc; registry_test.cc lists everything else that it needs. Immutable; used by the
// engine's thread.
class FleetRule {
 public:
  virtual ~FleetRule() = default;

  virtual const hoptrail::detect::RuleInfo& info() const = 0;
  virtual Interests interests() const = 0;

  // Each returns the detection that should exist now, or nothing. The runner keeps a detection's id
  // while its subject lives, and withdraws a detection that should no longer exist.
  virtual std::optional<model::Detection> OnSession(const engine::SessionChange& change) const {
    return std::nullopt;
  }
  // Called at every change of every path, so it only compares numbers.
  virtual Concern ConcernWith(const engine::PathExtent& extent) const { return Concern::kNone; }
  virtual std::optional<model::Detection> OnPath(const engine::PathChange& change) const {
    return std::nullopt;
  }
  virtual std::optional<model::Detection> OnAgentTrouble(
      const engine::AgentTrouble& trouble) const {
    return std::nullopt;
  }
};

// A rule's entry in the registry.
struct FleetRuleEntry {
  const hoptrail::detect::RuleInfo& (*info)();
  std::unique_ptr<FleetRule> (*make)(const v1::FleetRulesConfig& config);
};

// The entry of a class with a static Info() and a constructor that takes the rules' configuration.
template <typename Rule>
FleetRuleEntry EntryOf() {
  return {&Rule::Info, [](const v1::FleetRulesConfig& config) -> std::unique_ptr<FleetRule> {
            return std::make_unique<Rule>(config);
          }};
}

}  // namespace hoptrail::collector::rules

#endif  // HOPTRAIL_COLLECTOR_RULES_FLEET_RULE_H_
