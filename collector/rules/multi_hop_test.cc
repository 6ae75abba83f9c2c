#include <cstdint>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "collector/engine/values/path_for_test.h"
#include "collector/rules/registry.h"

namespace hoptrail::collector::rules {
namespace {

using engine::MakePath;
using engine::PathView;

// `depth`: the configured least depth; 0: the default.
std::optional<model::Detection> EvaluatePath(const PathView& path, uint32_t depth = 0) {
  v1::FleetRulesConfig config;
  config.mutable_multi_hop()->set_depth(depth);
  const std::unique_ptr<FleetRule> rule = MakeFleetRule("multi-hop", config);
  if (rule->ConcernWith({.depth = path.back().depth, .reached = path.size() - 1}) !=
      Concern::kEvaluate) {
    return std::nullopt;
  }
  return rule->OnPath({.root = path.front(), .deepest = path});
}

TEST(MultiHopRuleTest, StaysSilent_BelowTheLeastDepth) {
  EXPECT_FALSE(EvaluatePath(MakePath({{"ann", "a"}, {"bob", "b"}})).has_value());
  EXPECT_FALSE(EvaluatePath(MakePath({{"x", "a"}, {"x", "b"}, {"x", "c"}}), 3).has_value());
}

TEST(MultiHopRuleTest, Fires_OnTheDeepestSession) {
  PathView path = MakePath({{"ann", "a"}, {"ann", "b"}, {"ann", "c"}});
  path[0].origin = "192.0.2.9";
  path[2].new_edge = true;
  const auto detection = EvaluatePath(path);
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->session, path[2].session);
  EXPECT_EQ(detection->host, path[2].host);
  EXPECT_EQ(detection->severity, model::Severity::kMedium);
  EXPECT_EQ(detection->summary, "ann@a from 192.0.2.9 went on over 2 hops: ann@a → ann@b → ann@c");
  EXPECT_EQ(detection->evidence.at("new_edges"), "b → ann@c");
  EXPECT_EQ(detection->evidence.count("user_changes"), 0u);
}

TEST(MultiHopRuleTest, Fires_HighOnADeeperPathOrAChangeOfUser) {
  const auto deeper = EvaluatePath(MakePath({{"x", "a"}, {"x", "b"}, {"x", "c"}, {"x", "d"}}));
  EXPECT_EQ(deeper->severity, model::Severity::kHigh);
  const auto changed = EvaluatePath(MakePath({{"x", "a"}, {"y", "b"}, {"y", "c"}}));
  EXPECT_EQ(changed->severity, model::Severity::kHigh);
  EXPECT_EQ(changed->evidence.at("user_changes"), "x@a → y@b");
}

TEST(MultiHopRuleTest, Fires_WithProofInferredOnAPathWithAnInferredHop) {
  PathView path = MakePath({{"x", "a"}, {"x", "b"}, {"x", "c"}});
  path[1].proof = model::Proof::kInferred;
  EXPECT_EQ(EvaluatePath(path)->evidence.at("proof"), "INFERRED");
}

}  // namespace
}  // namespace hoptrail::collector::rules
