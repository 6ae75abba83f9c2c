#ifndef HOPTRAIL_COLLECTOR_RULES_FLEET_RULE_H_
#define HOPTRAIL_COLLECTOR_RULES_FLEET_RULE_H_

#include <cstdint>
#include <optional>

#include "collector/engine/values/graph_change.h"
#include "core/detect/rule.h"
#include "core/model/detection.h"

namespace hoptrail::collector::rules {

// The kinds of changes that a rule judges: bits.
using Interests = uint32_t;
inline constexpr Interests kSessions = 1;      // one detection a session
inline constexpr Interests kPaths = 2;         // one detection a path
inline constexpr Interests kAgentTrouble = 4;  // one detection for each kind of trouble and session

// Whether a rule has to see a path, given how far the path goes.
enum class Concern : uint8_t {
  kNone = 0,  // no detection of this rule can stand on it
  kJudge,     // OnPath says
  kKeep,      // what stands goes on standing
};

// One rule over the fleet's graph. Its file has its metadata, its judgement and nothing of the
// engine: what it judges by is in the change that it is given, and equal changes give equal
// detections. A rule has `using Config`, the message of its own under FleetRulesConfig, is
// constructed from it, and stands in one line of registry.cc; registry_test.cc says what
// else belongs to it. Immutable; used by the engine's thread.
class FleetRule {
 public:
  virtual ~FleetRule() = default;

  virtual const hoptrail::detect::RuleInfo& info() const = 0;
  virtual Interests interests() const = 0;

  // Each returns the detection that should stand now, or nothing. The runner keeps the detection's
  // id while its subject goes on, and withdraws what should no longer stand.
  virtual std::optional<model::Detection> OnSession(const engine::SessionChange& change) const {
    return std::nullopt;
  }
  // Asked at every change of every path: compares numbers only.
  virtual Concern ConcernWith(const engine::PathExtent& extent) const { return Concern::kNone; }
  virtual std::optional<model::Detection> OnPath(const engine::PathChange& change) const {
    return std::nullopt;
  }
  virtual std::optional<model::Detection> OnAgentTrouble(
      const engine::AgentTrouble& trouble) const {
    return std::nullopt;
  }
};

}  // namespace hoptrail::collector::rules

#endif  // HOPTRAIL_COLLECTOR_RULES_FLEET_RULE_H_
