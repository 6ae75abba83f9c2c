#include "collector/engine/graph/graph_state.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/graph/ids_for_test.h"

namespace hoptrail::collector::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class GraphStateTest : public testing::Test {
 protected:
  static model::HostId Host(uint8_t n) {
    model::HostId host;
    host.machine.bytes[0] = host.boot.bytes[0] = n;
    return host;
  }
  static graph::HopId Key(uint8_t n) {
    graph::HopId key;
    key.bytes[0] = n;
    return key;
  }
  // A remote login of this user on the host of the same number.
  SessionNode& Add(uint8_t n, const std::string& user, bool logged_in = true) {
    model::Session session;
    session.id = Id(n);
    session.host = Host(n);
    session.kind = model::EntryKind::kRemote;
    session.logged_in = logged_in;
    session.user = user;
    session.opened_wall_ns = n;
    SessionNode& node = graph_.sessions[session.id];
    node.value = session;
    node.host = session.host;
    graph_.host_names.Set(session.host, "h" + std::to_string(n));
    return node;
  }
  void Link(uint8_t parent, uint8_t child, model::Proof proof = model::Proof::kProven) {
    graph_.lineage.Offer(Id(child), {.parent = Id(parent),
                                     .kind = graph::LinkKind::kHop,
                                     .hop = Key(child),
                                     .proof = proof,
                                     .probability = 1,
                                     .order = child});
  }

  GraphState graph_;
};

TEST_F(GraphStateTest, SessionWithoutLogin_IsEnteredOnceItHasAChild) {
  Add(1, "ann", /*logged_in=*/false);
  EXPECT_FALSE(graph_.Entered(Id(1)));
  EXPECT_FALSE(graph_.Entered(Id(9))) << "no host has reported it";
  Add(2, "ann");
  EXPECT_TRUE(graph_.Entered(Id(2)));
  Link(1, 2);
  EXPECT_TRUE(graph_.Entered(Id(1)));
}

TEST_F(GraphStateTest, View_GoesFromTheRootToTheSession) {
  Add(1, "ann").value->entry.emplace();
  graph_.sessions[Id(1)].value->entry->flow.client.address = *model::ParseIpAddress("192.0.2.9");
  Add(2, "bob");
  Add(3, "root");
  Link(1, 2);
  Link(2, 3, model::Proof::kInferred);
  const PathView view = graph_.View(Id(3));
  ASSERT_THAT(view, SizeIs(3));
  EXPECT_EQ(view[0].origin, "192.0.2.9");
  EXPECT_FALSE(view[0].by_hop);
  EXPECT_EQ(view[1].user, "bob");
  EXPECT_EQ(view[1].host_name, "h2");
  EXPECT_EQ(view[2].depth, 2u);
  EXPECT_EQ(view[2].proof, model::Proof::kInferred);
  EXPECT_FALSE(Proven(view));
  EXPECT_THAT(graph_.View(Id(1)), SizeIs(1));
}

TEST_F(GraphStateTest, UserOfAService_IsNotAnIdentity) {
  Add(1, "www-data").value->kind = model::EntryKind::kService;
  EXPECT_EQ(graph_.StepOf(Id(1)).user, "");
  Add(2, "ann").value->kind = model::EntryKind::kConsole;
  EXPECT_EQ(graph_.StepOf(Id(2)).user, "ann");
}

TEST_F(GraphStateTest, EntryOfRoot_IsTheServerEndThatOpenedIt) {
  SessionNode& node = Add(1, "ann");
  EXPECT_EQ(graph_.EntryOf(Id(1)), std::nullopt);
  node.ends[Key(10)] = {.hop = Key(10), .opened = false, .established_boot_ns = 1};
  EXPECT_EQ(graph_.EntryOf(Id(1)), std::nullopt) << "a connection that the session made itself";
  node.ends[Key(12)] = {.hop = Key(22), .opened = true, .established_boot_ns = 9};
  node.ends[Key(11)] = {.hop = Key(21), .opened = true, .established_boot_ns = 5};
  EXPECT_EQ(graph_.EntryOf(Id(1)), Key(21)) << "the earliest";
  node.value->entry.emplace();
  node.value->entry->hop_key = {1, 2};
  node.ends[Key(12)].hop_key = {1, 2};
  EXPECT_EQ(graph_.EntryOf(Id(1)), Key(22)) << "the one with the hop key of the session's entry";
}

TEST_F(GraphStateTest, ClockDifference_IsKnownOnlyBetweenHostsWithOneReference) {
  graph_.clocks[Host(1)] = {Host(1), Host(1), 0, 3};
  graph_.clocks[Host(2)] = {Host(2), Host(1), 500, 3};
  graph_.clocks[Host(3)] = {Host(3), Host(3), 900, 3};
  EXPECT_EQ(graph_.ClockDifference(Host(1), Host(2)), 500);
  EXPECT_EQ(graph_.ClockDifference(Host(2), Host(1)), -500);
  EXPECT_EQ(graph_.ClockDifference(Host(1), Host(1)), 0);
  EXPECT_EQ(graph_.ClockDifference(Host(1), Host(3)), std::nullopt);
  EXPECT_EQ(graph_.ClockDifference(Host(1), Host(9)), std::nullopt);
}

TEST_F(GraphStateTest, Tree_IsOrderedByTimeAndOmitsMereConnections) {
  for (uint8_t n = 1; n <= 4; ++n) Add(n, "ann");
  Add(5, "", /*logged_in=*/false);
  Link(1, 3);
  Link(1, 2);
  Link(2, 4);
  Link(1, 5);
  bool truncated = true;
  EXPECT_THAT(graph_.Tree(Id(1), {}, 100, &truncated), ElementsAre(Id(1), Id(2), Id(4), Id(3)));
  EXPECT_FALSE(truncated);
  EXPECT_THAT(graph_.Tree(Id(1), {Id(5)}, 100, &truncated), testing::Contains(Id(5)))
      << "a session of `must` is in the tree in any case";
}

TEST_F(GraphStateTest, TreeLargerThanTheBound_IsTruncatedAndKeepsMust) {
  Add(1, "ann");
  for (uint8_t n = 2; n <= 50; ++n) {
    Add(n, "ann");
    Link(1, n);
  }
  bool truncated = false;
  const auto tree = graph_.Tree(Id(1), {Id(50)}, 10, &truncated);
  EXPECT_THAT(tree, SizeIs(10));
  EXPECT_TRUE(truncated);
  EXPECT_EQ(tree.front(), Id(1));
  EXPECT_THAT(tree, testing::Contains(Id(50)));
}

TEST_F(GraphStateTest, TreeAsDeepAsTheBound_IsComplete) {
  Add(1, "ann");
  for (uint8_t n = 2; n <= 4; ++n) {
    Add(n, "ann");
    Link(static_cast<uint8_t>(n - 1), n);
  }
  bool truncated = true;
  // Both ancestries share their beginning, which counts once.
  EXPECT_THAT(graph_.Tree(Id(1), {Id(3), Id(4)}, 4, &truncated), SizeIs(4));
  EXPECT_FALSE(truncated);
  graph_.Tree(Id(1), {Id(4)}, 3, &truncated);
  EXPECT_TRUE(truncated);
}

TEST_F(GraphStateTest, Provenance_HasRootDepthAndPath) {
  Add(1, "ann");
  Add(2, "bob");
  Link(1, 2);
  const model::Provenance provenance = graph_.ProvenanceOf(Id(2));
  EXPECT_EQ(provenance.root, Id(1));
  EXPECT_EQ(provenance.root_user, "ann");
  EXPECT_EQ(provenance.depth, 1u);
  EXPECT_TRUE(provenance.proven);
  EXPECT_THAT(provenance.path, ElementsAre("ann@h1", "bob@h2"));
}

}  // namespace
}  // namespace hoptrail::collector::engine
