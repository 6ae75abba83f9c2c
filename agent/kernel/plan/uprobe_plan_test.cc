#include "agent/kernel/plan/uprobe_plan.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoptrail::agent::kernel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(UprobePlanTest, TakesTheBestThatTheKernelHas) {
  EXPECT_EQ(PlanUprobes(absl::OkStatus(), {})["pam"].tier, 1u);
  EXPECT_THAT(PlanUprobes(absl::OkStatus(), {})["pam"].refusals, IsEmpty());
  const UprobeMethod way = PlanUprobes(absl::UnimplementedError("too old"), {})["pam"];
  EXPECT_EQ(way.tier, 2u);
  EXPECT_THAT(way.refusals, ElementsAre("uprobe_multi/libpam: too old"));
}

TEST(UprobePlanTest, OnlyAForcedTierIsTried) {
  const UprobeMethod second = PlanUprobes(absl::OkStatus(), {{"pam", 2}})["pam"];
  EXPECT_EQ(second.tier, 2u);
  EXPECT_THAT(second.refusals, ElementsAre("uprobe_multi/libpam: not tried: --force-tier"));
  const UprobeMethod none = PlanUprobes(absl::UnimplementedError("too old"), {{"pam", 1}})["pam"];
  EXPECT_EQ(none.tier, 0u);
  EXPECT_THAT(none.refusals, ElementsAre("uprobe_multi/libpam: too old",
                                         "uprobe/libpam: not tried: --force-tier"));
  EXPECT_EQ(PlanUprobes(absl::OkStatus(), {{"pam", 2}})["sshd"].tier, 1u);
}

}  // namespace
}  // namespace hoptrail::agent::kernel
