#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/engine.h"
#include "collector/engine/engine_fixture.h"

namespace hoptrail::collector::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(EngineTest, TwoIncidentsWhosePathsMeet_AreMergedIntoTheOlder) {
  FourHosts four;
  Engine engine(options_);
  Store store;
  // db reports first and opens an incident of its own. The older incident survives.
  four.story.Detect("db", four.db, "brute-force", model::Severity::kHigh, 61);
  Run(&engine, four.story.facts().at("db"), &store);
  ASSERT_THAT(store.Live(), SizeIs(1));
  const model::IncidentId older = store.Live()[0].id;
  Run(&engine, four.story.facts().at("gw"), &store);
  ASSERT_THAT(store.Live(), SizeIs(2));
  Run(&engine, four.story.facts().at("vault"), &store);
  Run(&engine, four.story.facts().at("web"), &store);

  ASSERT_THAT(store.Live(), SizeIs(1));
  const model::Incident survivor = store.Live()[0];
  EXPECT_EQ(survivor.id, older);
  EXPECT_EQ(survivor.root, four.gw.id);
  EXPECT_THAT(survivor.sessions, SizeIs(4));
  EXPECT_EQ(
      survivor.detections.size(),
      std::set<model::DetectionId>(survivor.detections.begin(), survivor.detections.end()).size());
  ASSERT_THAT(store.incidents, SizeIs(Ge(2u))) << "there was none to merge";
  for (const auto& [id, incident] : store.incidents) {
    if (id == older) continue;
    EXPECT_EQ(incident.merged_into, older);
    EXPECT_EQ(incident.state, model::IncidentState::kResolved);
    Outcome outcome;
    EXPECT_EQ(
        engine.SetIncidentState(id, model::IncidentState::kOpen, "x", &outcome).status().code(),
        absl::StatusCode::kFailedPrecondition);
  }
}

TEST_F(EngineTest, RulesSetLater_GiveTheSameAsRulesFromTheStart) {
  EngineOptions strict = options_;
  strict.rules.mutable_multi_hop()->set_disabled(true);
  strict.rules.mutable_credential_switch()->set_disabled(true);
  strict.rules.mutable_spread()->set_disabled(true);
  strict.minimum_severity = model::Severity::kCritical;
  FourHosts four;
  Engine from_start(options_), later(strict);
  Store expected, store;
  Run(&from_start, four.story.in_order(), &expected);
  Run(&later, four.story.in_order(), &store);
  ASSERT_THAT(expected.Live(), SizeIs(1));
  ASSERT_THAT(store.Live(), IsEmpty());
  Outcome outcome;
  later.SetRules(options_.rules, options_.minimum_severity, &outcome);
  store.Commit(outcome);
  EXPECT_EQ(store.Picture(), expected.Picture());
  Outcome same;
  later.SetRules(options_.rules, options_.minimum_severity, &same);
  EXPECT_TRUE(same.empty());

  // A higher minimum severity keeps the incidents that are open.
  later.SetRules(options_.rules, strict.minimum_severity, &outcome);
  store.Commit(outcome);
  ASSERT_THAT(store.Live(), SizeIs(1));
  EXPECT_EQ(store.Live()[0].state, model::IncidentState::kOpen);
}

TEST_F(EngineTest, ResolvedIncident_ReopensWhenThePathGoesOn) {
  FourHosts four;
  Engine engine(options_);
  Store store;
  const auto facts = absl::MakeConstSpan(four.story.in_order());
  Run(&engine, facts.subspan(0, 8), &store);
  ASSERT_THAT(store.Live(), SizeIs(1));
  const model::IncidentId id = store.Live()[0].id;

  Outcome outcome;
  auto acked = engine.SetIncidentState(id, model::IncidentState::kAcknowledged, "ann", &outcome);
  ASSERT_TRUE(acked.ok());
  EXPECT_EQ(acked->changed_by, "ann");
  EXPECT_THAT(outcome.incidents, SizeIs(1));
  outcome = {};
  ASSERT_TRUE(engine.SetIncidentState(id, model::IncidentState::kResolved, "bob", &outcome).ok());
  store.Commit(outcome);
  outcome = {};
  EXPECT_TRUE(engine.SetIncidentState(id, model::IncidentState::kResolved, "eve", &outcome).ok());
  EXPECT_TRUE(outcome.empty());
  EXPECT_EQ(engine.SetIncidentState(id, model::IncidentState::kAcknowledged, "x", &outcome)
                .status()
                .code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(
      engine.SetIncidentState({}, model::IncidentState::kResolved, "x", &outcome).status().code(),
      absl::StatusCode::kNotFound);
  EXPECT_EQ(
      engine.SetIncidentState(id, model::IncidentState::kUnknown, "x", &outcome).status().code(),
      absl::StatusCode::kInvalidArgument);

  Run(&engine, facts.subspan(8), &store);
  ASSERT_THAT(store.incidents, SizeIs(1));
  EXPECT_EQ(store.incidents.at(id).state, model::IncidentState::kOpen);
  EXPECT_EQ(store.incidents.at(id).changed_by, "");
}

TEST_F(EngineTest, WeakDetection_OpensNoIncidentAndJoinsALaterOne) {
  Story story;
  story.AddHost("gw");
  const model::Session gw = story.Login("gw", "staff", "192.0.2.9", 10);
  story.Detect("gw", gw, "pivot", model::Severity::kLow, 11);
  Engine engine(options_);
  Store store;
  Run(&engine, story.in_order(), &store);
  EXPECT_THAT(store.incidents, IsEmpty());
  EXPECT_THAT(store.detections, SizeIs(1));
  const size_t seen = story.in_order().size();
  story.Detect("gw", gw, "brute-force", model::Severity::kMedium, 12);
  Run(&engine, absl::MakeConstSpan(story.in_order()).subspan(seen), &store);
  ASSERT_THAT(store.Live(), SizeIs(1));
  EXPECT_THAT(store.Live()[0].detections, SizeIs(2));
  EXPECT_EQ(store.Live()[0].title, "staff from 192.0.2.9: gw");
}

TEST_F(EngineTest, CredentialSwitch_IsWithdrawnWhenAnEarlierRootHadThatUser) {
  Story story;
  for (const char* host : {"a", "b", "c"}) story.AddHost(host);
  const model::Session a = story.Login("a", "root", "192.0.2.9", 10);
  const model::Flow ab{{Address("10.0.0.1"), 50000}, {Address("10.0.0.2"), 22}};
  const model::Flow bc{{Address("10.0.0.2"), 50000}, {Address("10.0.0.3"), 22}};
  const model::Session b = story.Hop(a, "a", "b", "deploy", 20, ab, ab);
  const model::Session c = story.Hop(b, "b", "c", "root", 30, bc, bc);
  Engine engine(options_);
  Store store;
  Run(&engine, story.facts().at("b"), &store);
  Run(&engine, story.facts().at("c"), &store);
  EXPECT_THAT(Rules(store, c.id), ElementsAre("credential-switch"));
  ASSERT_THAT(store.Live(), SizeIs(1));
  Run(&engine, story.facts().at("a"), &store);
  EXPECT_THAT(Rules(store, c.id), ElementsAre("multi-hop"));
  EXPECT_THAT(Rules(store, b.id), ElementsAre("credential-switch"));
  ASSERT_THAT(store.Live(), SizeIs(1));
  EXPECT_THAT(store.Live()[0].detections, SizeIs(2));
}

}  // namespace
}  // namespace hoptrail::collector::engine
