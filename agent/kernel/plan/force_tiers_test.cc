#include "agent/kernel/plan/force_tiers.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "agent/kernel/plan/uprobe_plan.h"

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
  const std::vector<SourceTiers> all = AllTiers();
  const std::vector<EventSource>& sources = EventSourceTable();
  const std::vector<UprobeSource>& uprobes = UprobeTable();
  ASSERT_FALSE(sources.empty());
  ASSERT_EQ(all.size(), sources.size() + uprobes.size());
  for (size_t row = 0; row < sources.size(); ++row) {
    EXPECT_EQ(all[row].source, sources[row].source);
    ASSERT_EQ(all[row].hooks.size(), sources[row].candidates.size());
    for (size_t i = 0; i < all[row].hooks.size(); ++i) {
      EXPECT_EQ(TierOf(all[row].source, all[row].hooks[i]), i + 1);
    }
  }
  for (size_t row = 0; row < uprobes.size(); ++row) {
    EXPECT_EQ(all[sources.size() + row].source, uprobes[row].source);
    EXPECT_THAT(all[sources.size() + row].hooks,
                ElementsAre(UprobeHook(uprobes[row], kUprobeMultiTier),
                            UprobeHook(uprobes[row], kUprobePerfTier)));
  }
}

}  // namespace
}  // namespace hoptrail::agent::kernel
