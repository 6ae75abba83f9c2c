#ifndef HOPTRAIL_COLLECTOR_ENGINE_FLEET_JUDGE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_FLEET_JUDGE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"

#include "collector/rules/credential_switch.h"
#include "collector/rules/multi_hop.h"
#include "collector/rules/spread.h"
#include "collector/engine/engine.h"
#include "collector/engine/graph/tree_index.h"
#include "collector/engine/graph/graph_state.h"

namespace hoptrail::collector::path {

// Runs the fleet rules over the graph and says which detections should stand: new ones, changed
// ones, and those to be withdrawn. Reads the world and changes nothing. Not thread-safe.
class FleetJudge {
 public:
  FleetJudge(const RuleOptions& options, const World* world);

  // The detection of this session alone.
  std::vector<model::Detection> JudgeSession(const model::SessionId& id) const;
  // The detections of a whole path. They keep their ids while the path grows at either end.
  std::vector<model::Detection> JudgeTree(const model::SessionId& root,
                                          const TreeIndex::Tree& tree) const;

  static bool IsFleetRule(absl::string_view rule);
  static bool IsWithdrawn(const model::Detection& detection);

 private:
  // Gives `wanted` the id under which the path already has such a detection, and withdraws what
  // should not stand.
  void Reconcile(const hoptrail::detect::RuleInfo& rule, const TreeIndex::Tree& tree,
                 std::optional<model::Detection> wanted, std::vector<model::Detection>* out) const;
  std::optional<model::Detection> JudgeSpread(const model::SessionId& root,
                                              const TreeIndex::Tree& tree) const;

  const RuleOptions options_;
  const World* const world_;
  const detect::MultiHop multi_hop_;
  detect::CredentialSwitch credential_switch_;
  const detect::Spread spread_;
};

}  // namespace hoptrail::collector::path

#endif  // HOPTRAIL_COLLECTOR_ENGINE_FLEET_JUDGE_H_
