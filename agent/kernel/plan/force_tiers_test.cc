#include "agent/kernel/plan/force_tiers.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoptrail::agent::kernel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(ForceTiersTest, SourceOfEitherTable_IsAdded) {
  ForcedTiers forced;
  ASSERT_TRUE(AddForcedTier("accept=4", &forced).ok());
  ASSERT_TRUE(AddForcedTier("pam=2", &forced).ok());
  ASSERT_TRUE(AddForcedTier("running processes=1", &forced).ok());
  ASSERT_TRUE(AddForcedTier("accept=2", &forced).ok());
  EXPECT_THAT(forced, ElementsAre(Pair("accept", 2), Pair("pam", 2), Pair("running processes", 1)));
}

TEST(ForceTiersTest, UnknownSourceOrTier_IsRefusedWithAList) {
  for (const char* text : {"", "accept", "accept=", "accept=0", "accept=5", "accept=x", "accept=-1",
                           "accept=2x", "pam=3", "Accept=1", "=1", "nothing=1"}) {
    ForcedTiers forced;
    const absl::Status status = AddForcedTier(text, &forced);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("\"accept\" (1 to 4)")) << text;
    EXPECT_TRUE(forced.empty()) << text;
  }
}

TEST(ForceTiersTest, Tiers_AreNumberedAsInTheCoverageReport) {
  for (const SourceTiers& tiers : AllTiers()) {
    ASSERT_FALSE(tiers.hooks.empty()) << tiers.source;
    if (TierOf(tiers.source, tiers.hooks[0]) == 0) continue;  // a row of the uprobe table
    for (size_t i = 0; i < tiers.hooks.size(); ++i) {
      EXPECT_EQ(TierOf(tiers.source, tiers.hooks[i]), i + 1);
    }
  }
}

}  // namespace
}  // namespace hoptrail::agent::kernel
