#include <optional>

#include <gtest/gtest.h>

#include "collector/engine/values/path_for_test.h"
#include "collector/rules/registry.h"

namespace hoptrail::collector::rules {
namespace {

using engine::MakePath;
using engine::PathView;

std::optional<model::Detection> EvaluateDisputed(const PathView& path) {
  return MakeFleetRule("disputed-end", {})->OnSession({path});
}

TEST(DisputedEndRuleTest, Fires_OnTheSessionOfADisputedEnd) {
  PathView path = MakePath({{"staff", "gw"}, {"deploy", "web"}});
  path[1].disputed_ends = 2;
  const auto detection = EvaluateDisputed(path);
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->session, path[1].session);
  EXPECT_EQ(detection->severity, model::Severity::kHigh);
  EXPECT_EQ(detection->evidence.at("disputed_ends"), "2");
  EXPECT_NE(detection->summary.find("web reports 2 ends of connections of deploy@web"),
            std::string::npos)
      << detection->summary;
}

TEST(DisputedEndRuleTest, StaysSilent_OnSessionsBelowIt) {
  PathView path = MakePath({{"staff", "gw"}, {"deploy", "web"}});
  path[0].disputed_ends = 2;
  EXPECT_FALSE(EvaluateDisputed(path).has_value());
}

}  // namespace
}  // namespace hoptrail::collector::rules
