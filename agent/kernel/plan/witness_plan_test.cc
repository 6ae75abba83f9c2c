#include "agent/kernel/plan/witness_plan.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoptrail::agent::kernel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(WitnessPlanTest, TakesTheBestThatTheKernelHas) {
  EXPECT_EQ(PlanWitnesses(absl::OkStatus(), {})["pam"].tier, 1u);
  EXPECT_THAT(PlanWitnesses(absl::OkStatus(), {})["pam"].refusals, IsEmpty());
  const WitnessWay way = PlanWitnesses(absl::UnimplementedError("too old"), {})["pam"];
  EXPECT_EQ(way.tier, 2u);
  EXPECT_THAT(way.refusals, ElementsAre("uprobe_multi/libpam: too old"));
}

TEST(WitnessPlanTest, OnlyAForcedTierIsTried) {
  const WitnessWay second = PlanWitnesses(absl::OkStatus(), {{"pam", 2}})["pam"];
  EXPECT_EQ(second.tier, 2u);
  EXPECT_THAT(second.refusals, ElementsAre("uprobe_multi/libpam: not tried: --force-tier"));
  const WitnessWay none = PlanWitnesses(absl::UnimplementedError("too old"), {{"pam", 1}})["pam"];
  EXPECT_EQ(none.tier, 0u);
  EXPECT_THAT(none.refusals, ElementsAre("uprobe_multi/libpam: too old",
                                         "uprobe/libpam: not tried: --force-tier"));
  EXPECT_EQ(PlanWitnesses(absl::OkStatus(), {{"pam", 2}})["sshd"].tier, 1u);
}

}  // namespace
}  // namespace hoptrail::agent::kernel
