#include <optional>

#include <gtest/gtest.h>

#include "collector/engine/values/path_for_test.h"
#include "collector/rules/registry.h"

namespace hoptrail::collector::rules {
namespace {

using engine::AgentTrouble;
using engine::ClaimKind;

AgentTrouble TroubleOfEve() {
  AgentTrouble trouble;
  trouble.suspect = engine::MakePath({{"mallory", "eve"}}).front();
  trouble.wall_ns = 77;
  return trouble;
}

TEST(ClaimFloodRuleTest, Fires_OnTheSessionThatWasReportedLast) {
  AgentTrouble trouble = TroubleOfEve();
  trouble.what = engine::ClaimFlood{ClaimKind::kIncidents};
  const auto detection = MakeFleetRule("claim-flood", {})->OnAgentTrouble(trouble);
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->session, trouble.suspect.session);
  EXPECT_EQ(detection->severity, model::Severity::kHigh);
  EXPECT_EQ(detection->wall_ns, 77);
  EXPECT_EQ(detection->summary, "eve reports more incidents than a host does; further ones wait");
  EXPECT_EQ(detection->evidence.at("kind"), "incidents");
  trouble.what = engine::ClaimFlood{ClaimKind::kSessions};
  const auto other = MakeFleetRule("claim-flood", {})->OnAgentTrouble(trouble);
  ASSERT_TRUE(other.has_value());
  EXPECT_NE(other->id, detection->id);
}

TEST(ClaimFloodRuleTest, StaysSilent_OnOtherTrouble) {
  AgentTrouble trouble = TroubleOfEve();
  trouble.what = model::Goodbye{};
  EXPECT_FALSE(MakeFleetRule("claim-flood", {})->OnAgentTrouble(trouble).has_value());
  trouble.what = engine::ClaimFlood{ClaimKind::kIncidents};
  EXPECT_FALSE(MakeFleetRule("blinding", {})->OnAgentTrouble(trouble).has_value());
}

}  // namespace
}  // namespace hoptrail::collector::rules
