#include "collector/engine/engine.h"

#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/engine_fixture.h"

namespace hoptrail::collector::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(EngineTest, IntruderOverFourHosts_IsOneIncident) {
  FourHosts four;
  Engine engine(options_);
  Store store;
  Run(&engine, four.story.in_order(), &store);

  ASSERT_THAT(store.incidents, SizeIs(1));
  const model::Incident& incident = store.incidents.begin()->second;
  EXPECT_THAT(incident.sessions, ElementsAre(four.gw.id, four.web.id, four.db.id, four.vault.id));
  EXPECT_EQ(incident.root, four.gw.id);
  EXPECT_EQ(incident.title, "staff from 192.0.2.9: gw → web → db → vault");
  EXPECT_EQ(incident.severity, model::Severity::kHigh);
  EXPECT_EQ(incident.state, model::IncidentState::kOpen);

  EXPECT_THAT(Rules(store, four.gw.id), ElementsAre("brute-force", "pivot"));
  EXPECT_THAT(Rules(store, four.web.id), ElementsAre("credential-switch", "pivot"));
  EXPECT_THAT(Rules(store, four.db.id), ElementsAre("credential-switch"));
  EXPECT_THAT(Rules(store, four.vault.id), ElementsAre("multi-hop"));
  EXPECT_THAT(Rules(store, four.admin.id), IsEmpty());
  EXPECT_THAT(incident.detections, SizeIs(6));

  const Path path = engine.PathOf(four.vault.id);
  ASSERT_THAT(path.steps, SizeIs(4));
  EXPECT_TRUE(path.proven);
  EXPECT_FALSE(path.truncated);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(path.steps[i].parent, i - 1);
    EXPECT_EQ(path.steps[i].depth, static_cast<uint32_t>(i));
    ASSERT_TRUE(path.steps[i].hop.has_value());
    ASSERT_TRUE(store.hops.contains(*path.steps[i].hop));
    EXPECT_EQ(store.hops.at(*path.steps[i].hop).proof,
              i == 0 ? model::Proof::kUnknown : model::Proof::kProven);
  }
  // Three joined hops, and the two logins from outside.
  EXPECT_THAT(store.hops, SizeIs(5));
  EXPECT_EQ(engine.counts().proven, 3u);
  EXPECT_EQ(engine.counts().contradicted, 0u);

  const model::Provenance& provenance = store.provenance.at(four.db.id);
  EXPECT_EQ(provenance.depth, 2u);
  EXPECT_EQ(provenance.root, four.gw.id);
  EXPECT_EQ(provenance.root_user, "staff");
  EXPECT_TRUE(provenance.proven);
  EXPECT_THAT(provenance.path, ElementsAre("staff@gw", "deploy@web", "root@db"));
  EXPECT_FALSE(store.provenance.contains(four.admin.id));
  EXPECT_THAT(engine.ProvenanceOf(four.db.host), SizeIs(1));
}

TEST_F(EngineTest, Evidence_HasChangesOfUserAndNewEdges) {
  FourHosts four;
  Engine engine(options_);
  Store store;
  Run(&engine, four.story.in_order(), &store);
  std::vector<model::Detection> multi_hop, switched;
  for (const auto& [id, d] : store.detections) {
    if (d.rule == "multi-hop") multi_hop.push_back(d);
    if (d.rule == "credential-switch" && d.session == four.db.id) switched.push_back(d);
  }
  ASSERT_THAT(multi_hop, SizeIs(1));
  EXPECT_EQ(multi_hop[0].severity, model::Severity::kHigh);
  EXPECT_EQ(multi_hop[0].evidence["depth"], "3");
  EXPECT_EQ(multi_hop[0].evidence["proof"], "PROVEN");
  EXPECT_EQ(multi_hop[0].evidence["new_edges"], "gw → deploy@web; web → root@db; db → root@vault");
  ASSERT_THAT(switched, SizeIs(1));
  EXPECT_EQ(switched[0].evidence["from_user"], "deploy");
  EXPECT_EQ(switched[0].evidence["to_user"], "root");
  EXPECT_EQ(switched[0].evidence["key_fingerprint"], "SHA256:root");
  EXPECT_THAT(switched[0].techniques, testing::Contains("T1078"));
}

TEST_F(EngineTest, PathWithDifferentHopKeys_IsInferredUntilTheKeysMatch) {
  Story story;
  for (const char* host : {"a", "b"}) story.AddHost(host);
  const model::Session a = story.Login("a", "ann", "192.0.2.9", 10);
  const model::Flow flow{{Address("10.0.0.1"), 50000}, {Address("10.0.0.2"), 22}};
  const model::Session b = story.Hop(a, "a", "b", "ann", 20, flow, flow);
  std::vector<model::Fact> facts = story.in_order();
  for (model::Fact& fact : facts) {  // a middlebox rewrites sequence numbers
    auto* end = std::get_if<model::HopEnd>(&fact);
    if (end != nullptr && end->side == model::HopSide::kClient) end->hop_key.server_isn ^= 0x1234;
  }
  Engine engine(options_);
  Store store;
  Run(&engine, facts, &store);
  EXPECT_THAT(engine.PathOf(b.id).steps, SizeIs(1));
  Tick(&engine, 11 * kSecond, &store);
  const Path path = engine.PathOf(b.id);
  ASSERT_THAT(path.steps, SizeIs(2));
  EXPECT_FALSE(path.proven);
  EXPECT_FALSE(store.provenance.at(b.id).proven);
  // The client end is reported with the true hop key after all.
  Run(&engine, {story.last_client()}, &store);
  EXPECT_TRUE(engine.PathOf(b.id).proven);
  EXPECT_TRUE(store.provenance.at(b.id).proven);
}

TEST_F(EngineTest, SteppedWallClock_DoesNotChangeWhenAJoinIsInferred) {
  for (const int64_t step : {-3600 * kSecond, 3600 * kSecond}) {
    Story story;
    for (const char* host : {"a", "b"}) story.AddHost(host);
    const model::Session a = story.Login("a", "ann", "192.0.2.9", 10);
    const model::Flow flow{{Address("10.0.0.1"), 50000}, {Address("10.0.0.2"), 22}};
    const model::Session b = story.Hop(a, "a", "b", "ann", 20, flow, flow);
    std::vector<model::Fact> facts = story.in_order();
    for (model::Fact& fact : facts) {
      auto* end = std::get_if<model::HopEnd>(&fact);
      if (end != nullptr && end->side == model::HopSide::kClient) end->hop_key.server_isn ^= 0x1234;
    }
    Engine engine(options_);
    Store store;
    Run(&engine, facts, &store);
    clock_.StepWallNs(step);
    Tick(&engine, 5 * kSecond, &store);
    EXPECT_THAT(engine.PathOf(b.id).steps, SizeIs(1)) << step;
    Tick(&engine, 6 * kSecond, &store);
    EXPECT_THAT(engine.PathOf(b.id).steps, SizeIs(2)) << step;
  }
}

TEST_F(EngineTest, SteppedWallClock_AgesNothing) {
  FourHosts four;
  Engine engine(options_);
  Store store;
  Run(&engine, four.story.in_order(), &store);
  clock_.StepWallNs(30 * 24 * 3600 * kSecond);
  Tick(&engine, kSecond, &store);
  EXPECT_NE(engine.FindSession(four.admin.id), nullptr) << "closed, and on no incident";
  Tick(&engine, 8 * 24 * 3600 * kSecond, &store);
  EXPECT_EQ(engine.FindSession(four.admin.id), nullptr);
}

TEST_F(EngineTest, SessionCausedOnTheSameHost_ContinuesThePath) {
  Story story;
  for (const char* host : {"a", "b"}) story.AddHost(host);
  const model::Session a = story.Login("a", "ann", "192.0.2.9", 10);
  model::Session job = story.MakeSession("a", "ann", 15, model::EntryKind::kCron);
  job.caused_by = a.id;
  story.Report("a", job);
  const model::Flow flow{{Address("10.0.0.1"), 50000}, {Address("10.0.0.2"), 22}};
  const model::Session b = story.Hop(job, "a", "b", "ann", 20, flow, flow);
  // A host cannot name a session of another host as the cause.
  model::Session forged = story.MakeSession("b", "eve", 30, model::EntryKind::kService);
  forged.caused_by = a.id;
  story.Report("b", forged);
  Engine engine(options_);
  Store store;
  Run(&engine, story.in_order(), &store);
  const Path path = engine.PathOf(b.id);
  ASSERT_THAT(path.steps, SizeIs(3));
  EXPECT_EQ(path.steps[1].link, "cron");
  EXPECT_EQ(path.steps[1].depth, 0u);
  EXPECT_EQ(path.steps[2].depth, 1u);
  EXPECT_THAT(engine.PathOf(forged.id).steps, SizeIs(1));
}

TEST_F(EngineTest, HopThatOpensNoSession_GivesNoParent) {
  Story story;
  for (const char* host : {"a", "b"}) story.AddHost(host);
  const model::Session a = story.Login("a", "ann", "192.0.2.9", 10);
  const model::Session service = story.MakeSession("b", "www", 1, model::EntryKind::kService);
  story.Report("b", service);
  const model::HopKey key = story.NextKey();
  const model::Flow flow{{Address("10.0.0.1"), 50000}, {Address("10.0.0.2"), 80}};
  model::HopEnd client = story.End("a", model::HopSide::kClient, key, flow, 20);
  client.session = a.id;
  model::HopEnd server = story.End("b", model::HopSide::kServer, key, flow, 20);
  server.session = service.id;
  story.Report("a", client);
  story.Report("b", server);
  Engine engine(options_);
  Store store;
  Run(&engine, story.in_order(), &store);
  EXPECT_EQ(engine.counts().proven, 1u);
  EXPECT_THAT(engine.PathOf(service.id).steps, SizeIs(1));
}

TEST_F(EngineTest, ConnectionsWithoutLogin_AreNoMovement) {
  Story story;
  story.AddHost("gw");
  const model::Session gw = story.Login("gw", "staff", "192.0.2.9", 10);
  for (int i = 0; i < 20; ++i) {
    const std::string host = absl::StrCat("h", i);
    story.AddHost(host);
    const model::Flow flow{{Address("10.0.0.1"), static_cast<uint16_t>(50000 + i)},
                           {Address(absl::StrCat("10.0.1.", i + 1)), 22}};
    story.Hop(gw, "gw", host, "staff", 20 + i, flow, flow);
  }
  std::vector<model::Fact> facts;
  for (const model::Fact& fact : story.in_order()) {
    const auto* session = std::get_if<model::Session>(&fact);
    if (session == nullptr || session->id == gw.id || !session->logged_in) facts.push_back(fact);
  }
  Engine engine(options_);
  Store store;
  Run(&engine, facts, &store);
  EXPECT_THAT(store.incidents, IsEmpty());
  EXPECT_THAT(engine.PathOf(gw.id).steps, SizeIs(1));
  // With the logins it is one spread.
  Run(&engine, story.in_order(), &store);
  ASSERT_THAT(store.Live(), SizeIs(1));
  EXPECT_THAT(Rules(store, gw.id), ElementsAre("spread"));
  EXPECT_THAT(store.Live()[0].detections, SizeIs(1));
  EXPECT_THAT(store.Live()[0].sessions, SizeIs(21));
  EXPECT_EQ(store.detections.begin()->second.evidence.at("hosts"), "20");
  EXPECT_THAT(store.Live()[0].title, HasSubstr("and 19 more"));
}

}  // namespace
}  // namespace hoptrail::collector::engine
