#include "collector/path/world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/path/world_for_test.h"

namespace hoptrail::collector::path {
namespace {

using model::EntryKind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class WorldTest : public testing::Test, protected WorldForTest {};

TEST_F(WorldTest, WhatNobodyToldIsNotThere) {
  EXPECT_EQ(world().Find(Id(1)), nullptr);
  EXPECT_EQ(world().HostName(HostOf(1)), "");
  EXPECT_FALSE(world().Entered(Id(1)));
  EXPECT_EQ(world().CauseOf(Id(1)), "process");
  EXPECT_EQ(world().EntryOf(Id(1)), std::nullopt);
}

TEST_F(WorldTest, SomebodyCameInWithALoginOrWithoutAConnectionOrWentOn) {
  Add(1, "ann");
  Add(2, "", EntryKind::kRemote, /*logged_in=*/false);
  Add(3, "", EntryKind::kUnknown, /*logged_in=*/false);
  Add(4, "", EntryKind::kService, /*logged_in=*/false);
  world().sessions[Id(5)];  // named, and not told
  EXPECT_TRUE(world().Entered(Id(1)));
  EXPECT_FALSE(world().Entered(Id(2)));
  EXPECT_FALSE(world().Entered(Id(3)));
  EXPECT_TRUE(world().Entered(Id(4)));
  EXPECT_FALSE(world().Entered(Id(5)));
  Hop(2, 6);
  EXPECT_TRUE(world().Entered(Id(2))) << "something went on from it";
}

TEST_F(WorldTest, ViewIsTheWayFromTheRoot) {
  model::Session& root = Add(1, "ann");
  root.entry.emplace();
  root.entry->flow.client.address = *model::ParseIpAddress("192.0.2.9");
  Add(2, "bob").entry = root.entry;
  Hop(1, 2, model::Proof::kInferred);
  const detect::PathView view = world().View(Id(2));
  ASSERT_THAT(view, SizeIs(2));
  EXPECT_EQ(view[0].origin, "192.0.2.9");
  EXPECT_FALSE(view[0].by_hop);
  EXPECT_EQ(view[0].depth, 0u);
  EXPECT_EQ(view[1].origin, "") << "of a root only";
  EXPECT_TRUE(view[1].by_hop);
  EXPECT_EQ(view[1].depth, 1u);
  EXPECT_EQ(view[1].proof, model::Proof::kInferred);
  EXPECT_EQ(view[1].host_name, "h2");
  EXPECT_EQ(view[1].user, "bob");
}

TEST_F(WorldTest, BehindWhatIsCausedOnTheSameHostIsWhoeverCausedIt) {
  Add(1, "ann");
  Add(2, "www-data", EntryKind::kService);
  Cause(1, 2);
  Add(3, "www-data", EntryKind::kService);
  Hop(1, 3);
  EXPECT_EQ(world().View(Id(2)).back().user, "ann");
  EXPECT_EQ(world().View(Id(3)).back().user, "") << "what a service runs as, nobody had to prove";
}

TEST_F(WorldTest, ProvenanceOfALongPathHasItsBeginningAndItsEnd) {
  constexpr uint16_t kSessions = 40;
  for (uint16_t n = 1; n <= kSessions; ++n) {
    Add(n, "ann");
    if (n > 1) Hop(n - 1, n, n == 7 ? model::Proof::kInferred : model::Proof::kProven);
  }
  const model::Provenance provenance = world().ProvenanceOf(Id(kSessions));
  EXPECT_EQ(provenance.root, Id(1));
  EXPECT_EQ(provenance.root_host, HostOf(1));
  EXPECT_EQ(provenance.root_host_name, "h1");
  EXPECT_EQ(provenance.root_user, "ann");
  EXPECT_EQ(provenance.depth, 39u);
  EXPECT_FALSE(provenance.proven) << "one hop of it is not";
  ASSERT_THAT(provenance.path, SizeIs(32));
  EXPECT_EQ(provenance.path.front(), "ann@h1");
  EXPECT_EQ(provenance.path[30], "ann@h31");
  EXPECT_EQ(provenance.path.back(), "ann@h40");
  EXPECT_TRUE(world().ProvenanceOf(Id(6)).proven);
}

TEST_F(WorldTest, CauseIsTheKindOrTheProgramsName) {
  Add(1, "", EntryKind::kCron);
  Add(2, "", EntryKind::kContainer);
  Add(3, "").program = "/usr/bin/su";
  Add(4, "").program = "su";
  Add(5, "").program = "";
  std::vector<std::string> causes;
  for (uint16_t n = 1; n <= 5; ++n) causes.push_back(world().CauseOf(Id(n)));
  EXPECT_THAT(causes, ElementsAre("cron", "container", "su", "su", "process"));
}

TEST_F(WorldTest, EntryIsTheConnectionThatTheSessionNames) {
  model::Session& root = Add(1, "ann");
  root.entry.emplace();
  root.entry->hop_name = {7, 8};
  model::HopEnd end;
  end.side = model::HopSide::kServer;
  end.host = HostOf(1);
  end.session = Id(1);
  end.opened_session = true;
  end.name = {1, 2};
  end.established_boot_ns = 10;
  const graph::HopKey other = world().joiner.Put(end, 0);
  end.name = {7, 8};
  end.established_boot_ns = 20;
  const graph::HopKey named = world().joiner.Put(end, 0);
  end.name = {9, 9};
  end.opened_session = false;
  end.established_boot_ns = 5;
  const graph::HopKey driven = world().joiner.Put(end, 0);
  world().sessions[Id(1)].ends = {other, driven};
  EXPECT_EQ(world().EntryOf(Id(1)), world().joiner.HopOf(other));
  world().sessions[Id(1)].ends.insert(named);
  EXPECT_EQ(world().EntryOf(Id(1)), world().joiner.HopOf(named));
}

class WorldTreeTest : public WorldTest {
 protected:
  // 1 → 2 → 4, and 1 → 3, in which nobody came in, and 1 → 5.
  WorldTreeTest() {
    for (const uint16_t n : {1, 2, 4, 5}) Add(n, "ann");
    Add(3, "", EntryKind::kRemote, /*logged_in=*/false);
    Hop(1, 2);
    Hop(1, 3);
    Hop(2, 4);
    Hop(1, 5);
  }
  bool truncated_ = false;
};

TEST_F(WorldTreeTest, ParentsFirstSiblingsInOrderAndOnlyWhomSomebodyEntered) {
  EXPECT_THAT(world().Tree(Id(1), {}, 10, &truncated_), ElementsAre(Id(1), Id(2), Id(4), Id(5)));
  EXPECT_FALSE(truncated_);
}

TEST_F(WorldTreeTest, WhatMustComeComesThoughNobodyEnteredIt) {
  EXPECT_THAT(world().Tree(Id(1), {Id(3)}, 10, &truncated_),
              ElementsAre(Id(1), Id(2), Id(4), Id(3), Id(5)));
  EXPECT_FALSE(truncated_);
}

TEST_F(WorldTreeTest, OfTooManyThoseThatMustStay) {
  Add(6, "ann");
  Hop(1, 6);
  EXPECT_THAT(world().Tree(Id(1), {Id(6)}, 4, &truncated_),
              ElementsAre(Id(1), Id(2), Id(5), Id(6)));
  EXPECT_TRUE(truncated_);
}

TEST_F(WorldTreeTest, WhatMustComeOfAnotherTreeDoesNot) {
  Add(9, "eve");
  EXPECT_THAT(world().Tree(Id(1), {Id(9)}, 10, &truncated_),
              ElementsAre(Id(1), Id(2), Id(4), Id(5)));
  EXPECT_TRUE(truncated_);
}

}  // namespace
}  // namespace hoptrail::collector::path
