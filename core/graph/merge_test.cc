#include "core/graph/merge.h"

#include <gtest/gtest.h>

namespace hoptrail::graph {
namespace {

TEST(MergeTest, OlderRecordSentAgain_TakesNothingBack) {
  model::Session early;
  early.id.bytes[0] = 1;
  model::Session known = early;
  model::Session late = early;
  late.logged_in = true;
  late.user = "ann";
  late.closed_wall_ns = 7;
  EXPECT_TRUE(Merge(late, &known));
  EXPECT_EQ(known, late);
  EXPECT_FALSE(Merge(early, &known));
  EXPECT_FALSE(Merge(late, &known));
  EXPECT_EQ(known, late);
}

TEST(MergeTest, NewerRecord_ReplacesAndKeepsWhatItLeavesEmpty) {
  model::Session known;
  known.user = "sshd";
  known.terminal = "pts/1";
  model::Session update;
  update.logged_in = true;
  update.user = "ann";
  EXPECT_TRUE(Merge(update, &known));
  EXPECT_EQ(known.user, "ann");
  EXPECT_EQ(known.terminal, "pts/1");
}

TEST(MergeTest, ChangedActor_DoesNotKeepTheOldName) {
  model::Session known;
  known.kind = model::EntryKind::kService;
  known.user = "root";
  known.unit = "app.service";
  model::Session update = known;
  update.uid = 4711;
  update.user.clear();
  EXPECT_TRUE(Merge(update, &known));
  EXPECT_EQ(known.uid, 4711u);
  EXPECT_EQ(known.user, "");
  EXPECT_EQ(known.unit, "app.service");

  known.user = "app";
  update.kind = model::EntryKind::kRemote;
  update.unit.clear();
  EXPECT_TRUE(Merge(update, &known));
  EXPECT_EQ(known.user, "");
  EXPECT_EQ(known.unit, "");
}

TEST(MergeTest, LaterEstablishTime_DoesNotReplaceTheEarliest) {
  model::HopEnd known;
  known.hop_key = {1, 2};
  known.established_boot_ns = 100;
  known.established_wall_ns = 1100;
  model::HopEnd found_later = known;
  found_later.established_boot_ns = 900;
  found_later.established_wall_ns = 1900;
  EXPECT_FALSE(Merge(found_later, &known));
  EXPECT_TRUE(Merge(known, &found_later));
  EXPECT_EQ(found_later.established_boot_ns, 100u);
  EXPECT_EQ(found_later.established_wall_ns, 1100);
}

}  // namespace
}  // namespace hoptrail::graph
