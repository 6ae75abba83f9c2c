#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/engine.h"
#include "collector/engine/engine_fixture.h"

namespace hoptrail::collector::engine {
namespace {

using ::testing::SizeIs;

TEST_F(EngineTest, RepeatedFacts_ChangeNothing) {
  FourHosts four;
  Engine engine(options_);
  Store store;
  Run(&engine, four.story.in_order(), &store);
  Tick(&engine, 20 * kSecond, &store);
  for (const model::Fact& fact : four.story.in_order()) {
    clock_.AdvanceNs(kSecond);
    Outcome outcome;
    engine.Apply(fact, &outcome);
    EXPECT_TRUE(outcome.empty()) << "fact of kind " << fact.index();
  }
  Outcome outcome;
  engine.Tick(&outcome);
  EXPECT_TRUE(outcome.empty());
}

TEST_F(EngineTest, AnyOrderOfFactsAmongHosts_GivesTheSameResult) {
  FourHosts four;
  std::string expected;
  {
    Engine engine(options_);
    Store store;
    Run(&engine, four.story.in_order(), &store);
    Tick(&engine, 20 * kSecond, &store);
    expected = store.Picture();
  }
  for (uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    std::map<std::string, size_t> next;
    std::vector<model::Fact> shuffled;
    while (true) {
      std::vector<std::string> left;
      for (const auto& [host, facts] : four.story.facts()) {
        if (next[host] < facts.size()) left.push_back(host);
      }
      if (left.empty()) break;
      const std::string& host = left[random() % left.size()];
      shuffled.push_back(four.story.facts().at(host)[next[host]++]);
      if (random() % 4 == 0) {  // repeat an earlier fact
        shuffled.push_back(four.story.facts().at(host)[random() % next[host]]);
      }
    }
    Engine engine(options_);
    Store store;
    // In some runs ends wait longer than the grace period.
    const size_t pause = random() % shuffled.size();
    Run(&engine, absl::MakeConstSpan(shuffled).subspan(0, pause), &store);
    Tick(&engine, random() % 2 * 3600 * kSecond, &store);
    Run(&engine, absl::MakeConstSpan(shuffled).subspan(pause), &store);
    Tick(&engine, 20 * kSecond, &store);
    ASSERT_EQ(store.Picture(), expected) << "seed " << seed;
  }
}

TEST_F(EngineTest, BatchOfFacts_GivesTheSameAsSingleFacts) {
  FourHosts four;
  Engine one(options_), many(options_);
  Store a, b;
  Run(&one, four.story.in_order(), &a);
  Outcome outcome;
  many.Apply(four.story.in_order(), &outcome);
  b.Commit(outcome);
  EXPECT_EQ(a.Picture(), b.Picture());
  EXPECT_THAT(outcome.incidents, SizeIs(1));
}

TEST_F(EngineTest, RestoreAtAnyPoint_GivesTheSameAsNoRestart) {
  FourHosts four;
  const auto facts = absl::MakeConstSpan(four.story.in_order());
  std::string expected;
  {
    Engine engine(options_);
    Store store;
    Run(&engine, facts, &store);
    Tick(&engine, 20 * kSecond, &store);
    expected = store.Picture();
  }
  for (size_t cut = 0; cut <= facts.size(); ++cut) {
    Store store;
    {
      Engine before(options_);
      Run(&before, facts.subspan(0, cut), &store);
    }
    Engine after(options_);
    after.Restore(store.Saved());
    Outcome outcome;
    after.Tick(&outcome);
    EXPECT_TRUE(outcome.empty()) << "restored after " << cut;
    Run(&after, facts.subspan(cut), &store);
    Tick(&after, 20 * kSecond, &store);
    EXPECT_EQ(store.Picture(), expected) << "restored after " << cut;
    ASSERT_THAT(store.incidents, SizeIs(1)) << "restored after " << cut;
  }
}

TEST_F(EngineTest, OldSessions_LeaveMemoryUnlessOnAnOpenIncident) {
  FourHosts four;
  Engine engine(options_);
  Store store;
  Run(&engine, four.story.in_order(), &store);
  EXPECT_EQ(engine.counts().sessions, 5u);
  Outcome outcome;
  clock_.AdvanceNs(2 * options_.retention_ns);
  engine.Tick(&outcome);
  EXPECT_EQ(engine.counts().sessions, 4u);  // the administrator's
  EXPECT_EQ(engine.counts().hop_ends, 7u);
  ASSERT_TRUE(
      engine.SetIncidentState(store.Live()[0].id, model::IncidentState::kResolved, "ann", &outcome)
          .ok());
  for (const model::Session* session : {&four.gw, &four.web, &four.db}) {
    model::Session closed = *session;
    closed.closed_wall_ns = closed.opened_wall_ns + 100 * kSecond;
    engine.Apply(closed, &outcome);
  }
  for (int i = 0; i < 20; ++i) {
    clock_.AdvanceNs(options_.retention_ns);
    outcome = {};
    engine.Tick(&outcome);
    EXPECT_TRUE(outcome.empty());
  }
  EXPECT_EQ(engine.counts().sessions, 0u);
  EXPECT_EQ(engine.counts().hop_ends, 0u);
  EXPECT_EQ(engine.counts().incidents, 0u);
  EXPECT_EQ(engine.counts().aged, 5u);
}

TEST_F(EngineTest, SessionsThatNeverClose_AreBoundedInMemory) {
  options_.max_sessions = 100;
  options_.max_hop_ends = 50;
  Engine engine(options_);
  Story story;
  story.AddHost("gw");
  Store store;
  for (int i = 0; i < 1000; ++i) story.Login("gw", "ann", "192.0.2.9", i);
  Run(&engine, story.in_order(), &store);
  Tick(&engine, kSecond, &store);
  // The engine keeps as many as the bounds allow.
  EXPECT_EQ(engine.counts().sessions, 100u);
  EXPECT_EQ(engine.counts().hop_ends, 50u);
}

TEST_F(EngineTest, FactAboutASessionOfAnotherHost_IsRefusedAndCounted) {
  FourHosts four;
  Engine engine(options_);
  Store store;
  Run(&engine, four.story.in_order(), &store);
  Outcome outcome;
  model::Session stolen = four.admin;
  stolen.host = Story::Host("web");
  stolen.user = "eve";
  engine.Apply(stolen, &outcome);
  model::Detection forged;
  forged.id = model::DeriveDetectionId("brute-force", four.admin.id, "");
  forged.rule = "brute-force";
  forged.severity = model::Severity::kCritical;
  forged.session = four.admin.id;
  forged.host = Story::Host("web");
  engine.Apply(forged, &outcome);
  forged.host = four.admin.host;
  forged.rule = "spread";  // only the collector may detect it
  engine.Apply(forged, &outcome);
  EXPECT_TRUE(outcome.empty());
  EXPECT_EQ(engine.counts().refused, 3u);
}

TEST_F(EngineTest, DetectionOfARuleThatNoAgentMayDetect_IsRefusedAndCounted) {
  FourHosts four;
  Engine engine(options_);
  Store store;
  Run(&engine, four.story.in_order(), &store);
  Outcome outcome;
  uint64_t refused = engine.counts().refused;
  for (const char* rule : {"multi-hop", "credential-switch", "spread", "no-such-rule", "", "Pivot",
                           "brute_force", "pivot "}) {
    model::Detection detection;
    detection.id = model::DeriveDetectionId(rule, four.admin.id, "");
    detection.rule = rule;
    detection.severity = model::Severity::kCritical;
    detection.session = four.admin.id;
    detection.host = four.admin.host;
    engine.Apply(detection, &outcome);
    EXPECT_TRUE(outcome.empty()) << rule;
    EXPECT_EQ(engine.counts().refused, ++refused) << rule;
  }
}

}  // namespace
}  // namespace hoptrail::collector::engine
