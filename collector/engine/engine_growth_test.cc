// Trees of very many sessions, as a host that lies may report them.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "collector/engine/engine.h"
#include "collector/engine/engine_fixture.h"
#include "collector/engine/story_for_test.h"
#include "core/graph/lineage.h"

namespace hoptrail::collector::engine {
namespace {

class EngineGrowthTest : public EngineTest {
 protected:
  EngineGrowthTest() {
    for (const char* host : {"gw", "web", "db"}) story_.AddHost(host);
  }

  model::Session Hop(const model::Session& from, const std::string& from_host,
                     const std::string& host) {
    const model::Flow flow{{Address("10.0.1.2"), next_port_++}, {Address("10.0.1.1"), 22}};
    return story_.Hop(from, from_host, host, "deploy", 20, flow, flow);
  }
  // The facts of the latest call of Hop() or Login().
  std::vector<model::Fact> TakeNew() {
    const Story::Facts& all = story_.in_order();
    std::vector<model::Fact> fresh(all.begin() + static_cast<ptrdiff_t>(taken_), all.end());
    taken_ = all.size();
    return fresh;
  }
  void Apply(Engine* engine, absl::Span<const model::Fact> facts) {
    Outcome outcome;
    engine->Apply(facts, &outcome);
    store_.Commit(outcome);
  }

  Story story_;
  Store store_;
  size_t taken_ = 0;
  uint16_t next_port_ = 1024;
};

TEST_F(EngineGrowthTest, RootOfManySessions_IsFollowedByAllOfThemInSeveralCalls) {
  constexpr size_t kSessions = 6000;
  Engine engine(options_);
  const model::Session root = story_.Login("gw", "staff", "192.0.2.9", 5);
  const std::vector<model::Fact> login = TakeNew();
  const model::Session middle = Hop(root, "gw", "web");
  const std::vector<model::Fact> first_hop = TakeNew();
  std::vector<model::SessionId> leaves;
  for (size_t i = 0; i < kSessions; ++i) leaves.push_back(Hop(middle, "web", "db").id);
  Apply(&engine, TakeNew());
  Outcome outcome;
  while (engine.unfinished()) engine.Continue(&outcome);
  store_.Commit(outcome);
  EXPECT_EQ(store_.provenance.at(leaves.front()).depth, 1u);

  Apply(&engine, login);
  Apply(&engine, first_hop);
  ASSERT_TRUE(engine.unfinished()) << "all paths have changed";
  // Queries see the whole path at once.
  EXPECT_EQ(engine.PathOf(leaves.back()).steps.front().session, root.id);
  size_t calls = 0;
  for (; engine.unfinished() && calls < 100; ++calls) {
    Outcome more;
    engine.Continue(&more);
    store_.Commit(more);
  }
  EXPECT_LT(calls, 100u);
  for (const model::SessionId& leaf : leaves) {
    ASSERT_EQ(store_.provenance.at(leaf).root, root.id);
    ASSERT_EQ(store_.provenance.at(leaf).depth, 2u);
  }
}

TEST_F(EngineGrowthTest, FloodOfOneHost_LeavesTheSessionsOfOthersInMemory) {
  options_.max_sessions = 200;
  Engine engine(options_);
  story_.AddHost("eve");
  std::vector<model::SessionId> honest;
  for (int i = 0; i < 40; ++i) {
    const char* host = i % 2 == 0 ? "gw" : "web";
    honest.push_back(story_.Login(host, "staff", "192.0.2.9", i).id);
  }
  Apply(&engine, TakeNew());
  // Half of it in lines of a hundred, of which only the last session may leave at first.
  std::vector<model::Fact> flood;
  model::SessionId before;
  for (int i = 0; i < 1000; ++i) {
    model::Session session = story_.MakeSession("eve", "mallory", i);
    if (i < 500 && i % 100 != 0) session.caused_by = before;
    before = session.id;
    flood.emplace_back(session);
  }
  Apply(&engine, flood);
  while (engine.unfinished()) {
    Outcome outcome;
    engine.Continue(&outcome);
  }
  Tick(&engine, kSecond, &store_);
  Tick(&engine, kSecond, &store_);
  EXPECT_LE(engine.counts().sessions, 200u);
  for (const model::SessionId& id : honest) {
    EXPECT_NE(engine.FindSession(id), nullptr) << model::ToString(id);
  }
}

TEST_F(EngineGrowthTest, LineOfTooManySessions_BecomesPathsThatSayThatTheyBeginEarlier) {
  constexpr size_t kMax = graph::Lineage::kMaxPath;
  Engine engine(options_);
  std::vector<model::SessionId> line;
  model::Session last = story_.Login("gw", "staff", "192.0.2.9", 5);
  line.push_back(last.id);
  std::string host = "gw";
  while (line.size() < kMax + 3) {
    const std::string next = host == "web" ? "db" : "web";
    last = Hop(last, host, next);
    line.push_back(last.id);
    host = next;
  }
  Apply(&engine, TakeNew());
  const Path first = engine.PathOf(line.front());
  EXPECT_FALSE(first.begins_earlier);
  EXPECT_EQ(first.steps.size(), kMax);
  const Path rest = engine.PathOf(line.back());
  EXPECT_TRUE(rest.begins_earlier);
  ASSERT_EQ(rest.steps.size(), 3u);
  EXPECT_EQ(rest.steps.front().session, line[kMax]);
}

}  // namespace
}  // namespace hoptrail::collector::engine
