#include "collector/path/engine.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/path/story_for_test.h"

namespace hoptrail::collector::path {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// What a store would hold after every Outcome was committed.
struct Store {
  std::map<model::SessionId, model::Session> sessions;
  std::map<graph::HopKey, model::Hop> hops;
  std::map<model::DetectionId, model::Detection> detections;
  std::map<model::IncidentId, model::Incident> incidents;
  std::map<model::SessionId, model::Provenance> provenance;
  std::map<model::HostId, std::string> names;

  void Commit(const Outcome& outcome) {
    for (const auto& s : outcome.sessions) sessions[s.id] = s;
    for (const auto& k : outcome.removed_hops) hops.erase(k);
    for (const auto& h : outcome.hops) hops[h.key] = h.hop;
    for (const auto& d : outcome.detections) detections[d.id] = d;
    for (const auto& i : outcome.incidents) incidents[i.id] = i;
    for (const auto& [host, p] : outcome.provenance) provenance[p.session] = p;
  }

  StoredState Saved() const {
    StoredState state;
    for (const auto& [host, name] : names) state.host_names.emplace_back(host, name);
    for (const auto& [id, s] : sessions) state.sessions.push_back(s);
    for (const auto& [key, hop] : hops) state.hops.push_back({key, hop});
    for (const auto& [id, d] : detections) state.detections.push_back(d);
    for (const auto& [id, i] : incidents) state.incidents.push_back(i);
    return state;
  }

  std::vector<model::Incident> Live() const {
    std::vector<model::Incident> live;
    for (const auto& [id, i] : incidents) {
      if (i.merged_into.empty() && i.state != model::IncidentState::kResolved) live.push_back(i);
    }
    return live;
  }

  // Everything that must not depend on the order of arrival, as text.
  std::string Picture() const {
    std::set<std::string> lines;
    for (const auto& [id, s] : sessions) {
      lines.insert(absl::StrCat("session ", model::ToString(id), " ", s.user, " ", s.logged_in, " ",
                                s.closed_wall_ns));
    }
    for (const auto& [key, h] : hops) {
      lines.insert(absl::StrCat("hop ", model::ToString(key), " ", static_cast<int>(h.proof), " ",
                                h.probability, " ", h.client.has_value(), h.server.has_value(), " ",
                                h.client ? h.client->closed_wall_ns : 0));
    }
    for (const auto& d : detections) {
      if (d.second.evidence.contains("withdrawn")) continue;
      lines.insert(DetectionText(d.second));
    }
    for (const auto& i : Live()) {
      std::set<std::string> of;
      for (const auto& id : i.detections) of.insert(DetectionText(detections.at(id)));
      std::string text = absl::StrCat("incident ", i.title, " ", model::ToString(i.root), " ",
                                      static_cast<int>(i.severity));
      for (const auto& s : i.sessions) absl::StrAppend(&text, " ", model::ToString(s));
      for (const auto& d : of) absl::StrAppend(&text, "\n   ", d);
      lines.insert(text);
    }
    for (const auto& [id, p] : provenance) {
      if (sessions.at(id).closed_wall_ns != 0) continue;
      std::string text = absl::StrCat("provenance ", model::ToString(id), " ", p.depth, " ",
                                      model::ToString(p.root), " ", p.proven);
      for (const auto& label : p.path) absl::StrAppend(&text, " ", label);
      lines.insert(text);
    }
    std::string all;
    for (const auto& line : lines) absl::StrAppend(&all, line, "\n");
    return all;
  }

 private:
  // Ids of detections that belong to a whole path depend on what was seen of it first.
  static std::string DetectionText(const model::Detection& d) {
    std::string text = absl::StrCat("detection ", d.rule, " ", static_cast<int>(d.severity), " ",
                                    model::ToString(d.session), " ", d.wall_ns, " ", d.summary);
    for (const auto& [name, value] : d.evidence) absl::StrAppend(&text, " ", name, "=", value);
    return text;
  }
};

class EngineTest : public testing::Test {
 protected:
  EngineTest() { options_.clock = &clock_; }

  void Run(Engine* engine, absl::Span<const model::Fact> facts, Store* store) {
    for (const model::Fact& fact : facts) {
      Outcome outcome;
      engine->Apply(fact, &outcome);
      store->Commit(outcome);
      if (const auto* health = std::get_if<model::AgentHealth>(&fact)) {
        store->names[health->host] = health->host_name;
      }
      clock_.AdvanceNs(1'000'000);
    }
  }
  void Tick(Engine* engine, int64_t ns, Store* store) {
    clock_.AdvanceNs(ns);
    Outcome outcome;
    engine->Tick(&outcome);
    store->Commit(outcome);
  }
  std::set<std::string> Rules(const Store& store, const model::SessionId& session) {
    std::set<std::string> rules;
    for (const auto& [id, d] : store.detections) {
      if (d.session == session && !d.evidence.contains("withdrawn")) rules.insert(d.rule);
    }
    return rules;
  }

  FakeClock clock_;
  EngineOptions options_;
};

TEST_F(EngineTest, OneIntruderOverFourHostsIsOneIncident) {
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
  EXPECT_EQ(engine.IncidentOf(four.admin.id), model::IncidentId{});
  EXPECT_EQ(engine.IncidentOf(four.vault.id), incident.id);
  EXPECT_THAT(incident.detections, SizeIs(6));

  const Path path = engine.PathOf(four.vault.id);
  ASSERT_THAT(path.steps, SizeIs(4));
  EXPECT_TRUE(path.proven);
  EXPECT_FALSE(path.truncated);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(path.steps[i].parent, i - 1);
    EXPECT_EQ(path.steps[i].depth, static_cast<uint32_t>(i));
    ASSERT_TRUE(path.steps[i].hop.has_value());
    const auto hop = engine.FindHop(*path.steps[i].hop);
    ASSERT_TRUE(hop.has_value());
    EXPECT_EQ(hop->proof, i == 0 ? model::Proof::kUnknown : model::Proof::kProven);
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

TEST_F(EngineTest, EvidenceSaysWhoBecameWhomAndWhichWaysAreNew) {
  FourHosts four;
  Engine engine(options_);
  Store store;
  Run(&engine, four.story.in_order(), &store);
  for (const auto& [id, d] : store.detections) {
    if (d.rule == "multi-hop") {
      EXPECT_EQ(d.severity, model::Severity::kHigh);
      EXPECT_EQ(d.evidence.at("depth"), "3");
      EXPECT_EQ(d.evidence.at("proof"), "PROVEN");
      EXPECT_EQ(d.evidence.at("new_edges"), "gw → deploy@web; web → root@db; db → root@vault");
    }
    if (d.rule == "credential-switch" && d.session == four.db.id) {
      EXPECT_EQ(d.evidence.at("from_user"), "deploy");
      EXPECT_EQ(d.evidence.at("to_user"), "root");
      EXPECT_EQ(d.evidence.at("key_fingerprint"), "SHA256:root");
      EXPECT_THAT(d.techniques, testing::Contains("T1078"));
    }
  }
}

TEST_F(EngineTest, TheSameFactsAgainChangeNothing) {
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

TEST_F(EngineTest, AnyOrderAmongHostsGivesTheSame) {
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
      if (random() % 4 == 0) {  // something old once more
        shuffled.push_back(four.story.facts().at(host)[random() % next[host]]);
      }
    }
    Engine engine(options_);
    Store store;
    // Sometimes ends wait for longer than the grace period.
    const size_t pause = random() % shuffled.size();
    Run(&engine, absl::MakeConstSpan(shuffled).subspan(0, pause), &store);
    Tick(&engine, random() % 2 * 3600 * kSecond, &store);
    Run(&engine, absl::MakeConstSpan(shuffled).subspan(pause), &store);
    Tick(&engine, 20 * kSecond, &store);
    ASSERT_EQ(store.Picture(), expected) << "seed " << seed;
  }
}

TEST_F(EngineTest, BatchesGiveTheSameAsSingleFacts) {
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

TEST_F(EngineTest, RestoreAnywhereThenContinueEqualsContinuous) {
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

TEST_F(EngineTest, TwoIncidentsBecomeOneWhenTheirPathsMeet) {
  FourHosts four;
  Engine engine(options_);
  Store store;
  // vault and db are heard first: an incident of their own. The older one survives.
  four.story.Detect("db", four.db, "key-theft", model::Severity::kHigh, 61);
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

TEST_F(EngineTest, StatesFollowThePersonAndReopenWhenItGoesOn) {
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

TEST_F(EngineTest, WeakDetectionsOpenNothingAndJoinLater) {
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
  story.Detect("gw", gw, "key-theft", model::Severity::kMedium, 12);
  Run(&engine, absl::MakeConstSpan(story.in_order()).subspan(seen), &store);
  ASSERT_THAT(store.Live(), SizeIs(1));
  EXPECT_THAT(store.Live()[0].detections, SizeIs(2));
  EXPECT_EQ(store.Live()[0].title, "staff from 192.0.2.9: gw");
}

TEST_F(EngineTest, WithoutHopNamesThePathIsInferredAndSaysSo) {
  Story story;
  for (const char* host : {"a", "b"}) story.AddHost(host);
  const model::Session a = story.Login("a", "ann", "192.0.2.9", 10);
  const model::Flow flow{{Address("10.0.0.1"), 50000}, {Address("10.0.0.2"), 22}};
  const model::Session b = story.Hop(a, "a", "b", "ann", 20, flow, flow);
  std::vector<model::Fact> facts = story.in_order();
  for (model::Fact& fact : facts) {  // something in between rewrites sequence numbers
    auto* end = std::get_if<model::HopEnd>(&fact);
    if (end != nullptr && end->side == model::HopSide::kClient) end->name.server_isn ^= 0x1234;
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
  // The true client tells its name after all.
  Run(&engine, {story.last_client()}, &store);
  EXPECT_TRUE(engine.PathOf(b.id).proven);
  EXPECT_TRUE(store.provenance.at(b.id).proven);
}

TEST_F(EngineTest, ASessionCausedOnTheSameHostContinuesThePath) {
  Story story;
  for (const char* host : {"a", "b"}) story.AddHost(host);
  const model::Session a = story.Login("a", "ann", "192.0.2.9", 10);
  model::Session job = story.MakeSession("a", "ann", 15, model::EntryKind::kCron);
  job.caused_by = a.id;
  story.Tell("a", job);
  const model::Flow flow{{Address("10.0.0.1"), 50000}, {Address("10.0.0.2"), 22}};
  const model::Session b = story.Hop(job, "a", "b", "ann", 20, flow, flow);
  // Another host cannot hang its sessions below one of this host.
  model::Session forged = story.MakeSession("b", "eve", 30, model::EntryKind::kService);
  forged.caused_by = a.id;
  story.Tell("b", forged);
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

TEST_F(EngineTest, AHopThatOnlyDrivesASessionGivesItNoParent) {
  Story story;
  for (const char* host : {"a", "b"}) story.AddHost(host);
  const model::Session a = story.Login("a", "ann", "192.0.2.9", 10);
  const model::Session service = story.MakeSession("b", "www", 1, model::EntryKind::kService);
  story.Tell("b", service);
  const model::HopName name = story.NextName();
  const model::Flow flow{{Address("10.0.0.1"), 50000}, {Address("10.0.0.2"), 80}};
  model::HopEnd client = story.End("a", model::HopSide::kClient, name, flow, 20);
  client.session = a.id;
  model::HopEnd server = story.End("b", model::HopSide::kServer, name, flow, 20);
  server.session = service.id;
  story.Tell("a", client);
  story.Tell("b", server);
  Engine engine(options_);
  Store store;
  Run(&engine, story.in_order(), &store);
  EXPECT_EQ(engine.counts().proven, 1u);
  EXPECT_THAT(engine.PathOf(service.id).steps, SizeIs(1));
}

TEST_F(EngineTest, MereKnocksAreNotMovement) {
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
  // The same with the logins is a spread, told once.
  Run(&engine, story.in_order(), &store);
  ASSERT_THAT(store.Live(), SizeIs(1));
  EXPECT_THAT(Rules(store, gw.id), ElementsAre("spread"));
  EXPECT_THAT(store.Live()[0].detections, SizeIs(1));
  EXPECT_THAT(store.Live()[0].sessions, SizeIs(21));
  EXPECT_EQ(store.detections.begin()->second.evidence.at("hosts"), "20");
  EXPECT_THAT(store.Live()[0].title, HasSubstr("and 19 more"));
}

TEST_F(EngineTest, ACredentialSwitchIsWithdrawnWhenAnEarlierRootHadThatUser) {
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

TEST_F(EngineTest, AnotherHostsSessionCannotBeClaimed) {
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
  forged.id = model::DeriveDetectionId("key-theft", four.admin.id, "");
  forged.rule = "key-theft";
  forged.severity = model::Severity::kCritical;
  forged.session = four.admin.id;
  forged.host = Story::Host("web");
  engine.Apply(forged, &outcome);
  forged.host = four.admin.host;
  forged.rule = "spread";  // only the collector says that
  engine.Apply(forged, &outcome);
  EXPECT_TRUE(outcome.empty());
  EXPECT_EQ(engine.counts().refused, 3u);
}

TEST_F(EngineTest, OldSessionsLeaveMemoryAndIncidentsStay) {
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

TEST_F(EngineTest, MemoryIsBoundedWhateverIsNeverClosed) {
  options_.max_sessions = 100;
  options_.max_hop_ends = 50;
  Engine engine(options_);
  Story story;
  story.AddHost("gw");
  Store store;
  for (int i = 0; i < 1000; ++i) story.Login("gw", "ann", "192.0.2.9", i);
  Run(&engine, story.in_order(), &store);
  Tick(&engine, kSecond, &store);
  EXPECT_LE(engine.counts().sessions, 100u);
  EXPECT_LE(engine.counts().hop_ends, 50u + 1);
}

}  // namespace
}  // namespace hoptrail::collector::path
