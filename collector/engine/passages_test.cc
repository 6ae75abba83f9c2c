// Paths through a host without an agent: gw → 10.0.9.5 → db, where nobody reports 10.0.9.5.

#include "collector/engine/passages.h"

#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "collector/engine/engine_fixture.h"
#include "core/model/unmonitored.h"

namespace hoptrail::collector::engine {
namespace {

constexpr char kMiddle[] = "10.0.9.5";
constexpr int64_t kWait = Passages::kGraceNs + kSecond;

class PassagesTest : public EngineTest {
 protected:
  PassagesTest() {
    story_.AddHost("gw", 0, {"10.0.1.2"});
    story_.AddHost("db", 0, {"10.0.3.3"});
    story_.AddHost("web", 0, {"10.0.2.2"});
  }

  // A connection of the session into the middle host.
  model::HopEnd Into(const model::Session& from, const std::string& host, int second,
                     const std::string& middle = kMiddle) {
    model::HopEnd end = story_.End(host, model::HopSide::kClient, story_.NextKey(),
                                   {{Address("10.0.1.2"), 50000}, {Address(middle), 22}}, second);
    end.session = from.id;
    end.user = from.user;
    end.program = "/usr/bin/ssh";
    story_.Report(host, end);
    return end;
  }
  void Close(model::HopEnd end, const std::string& host, int second) {
    end.closed_wall_ns = story_.Wall(host, second);
    story_.Report(host, end);
  }
  // Until the grace period of everything reported so far is over.
  void Wait(Engine* engine, Store* store) {
    Tick(engine, kSecond, store);
    Tick(engine, kWait, store);
    Tick(engine, kSecond, store);
  }
  void RunStory() {
    const auto& facts = story_.in_order();
    Run(&engine_, absl::MakeConstSpan(facts).subspan(done_), &store_);
    done_ = facts.size();
  }

  Story story_;
  size_t done_ = 0;
  Store store_;
  Engine engine_{options_};
};

TEST_F(PassagesTest, PathThroughAHostWithoutAgent_IsInferred) {
  const model::Session gw = story_.Login("gw", "staff", "192.0.2.9", 10);
  Into(gw, "gw", 20);
  const model::Session db = story_.Login("db", "root", kMiddle, 25);
  RunStory();
  EXPECT_EQ(engine_.PathOf(db.id).steps.size(), 1u);
  Wait(&engine_, &store_);
  const Path path = engine_.PathOf(db.id);
  ASSERT_EQ(path.steps.size(), 3u);
  EXPECT_FALSE(path.proven);
  EXPECT_EQ(path.steps[0].session, gw.id);
  const model::Session* middle = engine_.FindSession(path.steps[1].session);
  ASSERT_NE(middle, nullptr);
  EXPECT_EQ(middle->host, model::UnmonitoredHost(Address(kMiddle)));
  EXPECT_EQ(path.steps[2].session, db.id);
  EXPECT_EQ(path.steps[2].depth, 2u);
  EXPECT_EQ(path.steps[2].proof, model::Proof::kInferred);
  EXPECT_GT(path.steps[2].probability, 0.5);
  EXPECT_LE(path.steps[2].probability, 0.9);
  EXPECT_TRUE(store_.sessions.contains(middle->id));
  ASSERT_TRUE(store_.provenance.contains(db.id));
  EXPECT_THAT(store_.provenance[db.id].path,
              testing::ElementsAre("staff@gw", "unseen@10.0.9.5 (unmonitored)", "root@db"));
  EXPECT_FALSE(store_.provenance[db.id].proven);
  ASSERT_EQ(store_.Live().size(), 1u);
  EXPECT_EQ(store_.Live()[0].title, "staff from 192.0.2.9: gw → 10.0.9.5 (unmonitored) → db");
  EXPECT_EQ(store_.Live()[0].severity, model::Severity::kMedium) << "no more than medium";
}

TEST_F(PassagesTest, LoginsOverOneConnection_HaveOneParent) {
  const model::Session gw = story_.Login("gw", "staff", "192.0.2.9", 10);
  Into(gw, "gw", 20);
  story_.Login("db", "staff", kMiddle, 25);
  story_.Login("web", "staff", kMiddle, 35);
  RunStory();
  Wait(&engine_, &store_);
  const Path path = engine_.PathOf(gw.id);
  ASSERT_EQ(path.steps.size(), 4u);
  EXPECT_EQ(path.steps[2].parent, 1);
  EXPECT_EQ(path.steps[3].parent, 1);
}

TEST_F(PassagesTest, LoginBeforeOrLongAfterTheConnection_IsNoPartOfThePath) {
  const model::Session before = story_.Login("db", "staff", kMiddle, 5);
  const model::Session gw = story_.Login("gw", "staff", "192.0.2.9", 10);
  const model::HopEnd into = Into(gw, "gw", 40);
  Close(into, "gw", 50);
  const model::Session after = story_.Login("db", "staff", kMiddle, 100);
  RunStory();
  Wait(&engine_, &store_);
  EXPECT_EQ(engine_.PathOf(before.id).steps.size(), 1u);
  EXPECT_EQ(engine_.PathOf(after.id).steps.size(), 1u);
  EXPECT_EQ(engine_.PathOf(gw.id).steps.size(), 1u);
}

TEST_F(PassagesTest, EntryFromAnAddressThatNobodyConnectsTo_IsARoot) {
  const model::Session gw = story_.Login("gw", "staff", "192.0.2.9", 10);
  Into(gw, "gw", 20, "10.0.9.6");
  const model::Session db = story_.Login("db", "staff", kMiddle, 25);
  RunStory();
  Wait(&engine_, &store_);
  EXPECT_EQ(engine_.PathOf(db.id).steps.size(), 1u);
}

TEST_F(PassagesTest, TwoWhoMayHaveMadeTheLogin_AreBothShown) {
  const model::Session gw = story_.Login("gw", "alice", "192.0.2.9", 10);
  const model::Session web = story_.Login("web", "bob", "192.0.2.8", 10);
  Into(gw, "gw", 20);
  Into(web, "web", 20);
  const model::Session db = story_.Login("db", "deploy", kMiddle, 25);
  RunStory();
  Wait(&engine_, &store_);
  const Path path = engine_.PathOf(db.id);
  ASSERT_EQ(path.steps.size(), 3u);
  EXPECT_LT(path.steps[2].probability, 0.5);
  ASSERT_EQ(path.steps[2].other_causes.size(), 1u);
  const std::set<model::SessionId> roots = {path.steps[0].session,
                                            path.steps[2].other_causes[0].root};
  EXPECT_EQ(roots, (std::set<model::SessionId>{gw.id, web.id}));
  EXPECT_NEAR(path.steps[2].other_causes[0].probability, path.steps[2].probability, 1e-9);
  // The path of the one that was not chosen ends where it is known to end.
  EXPECT_EQ(engine_.PathOf(path.steps[2].other_causes[0].root).steps.size(), 1u);
  EXPECT_TRUE(store_.Live().empty()) << "a doubtful path pages nobody";
}

TEST_F(PassagesTest, BastionWithManyUsers_GivesNobodyAPath) {
  std::vector<model::Session> logins;
  for (int i = 0; i < 8; ++i) {
    const std::string host = i % 2 == 0 ? "gw" : "web";
    Into(story_.Login(host, absl::StrCat("user", i), "192.0.2.9", 10 + i), host, 20 + i);
  }
  // One name that fits does not make up for the other seven, but a key does.
  const model::Session db = story_.Login("db", "root", kMiddle, 60);
  RunStory();
  Wait(&engine_, &store_);
  EXPECT_EQ(engine_.PathOf(db.id).steps.size(), 1u);
}

TEST_F(PassagesTest, CommonUserAndKey_PointOutOneOfMany) {
  model::Session own;
  for (int i = 0; i < 8; ++i) {
    const std::string host = i % 2 == 0 ? "gw" : "web";
    const model::Session each = story_.Login(host, absl::StrCat("user", i), "192.0.2.9", 10 + i);
    Into(each, host, 20 + i);
    if (i == 3) own = each;
  }
  const model::Session db = story_.Login("db", "user3", kMiddle, 60);
  RunStory();
  Wait(&engine_, &store_);
  const Path path = engine_.PathOf(db.id);
  ASSERT_EQ(path.steps.size(), 3u);
  EXPECT_EQ(path.steps[0].session, own.id);
}

TEST_F(PassagesTest, HostThatEntersOnItsOwn_GivesNobodyAPath) {
  for (int i = 0; i < 40; ++i) story_.Login("db", "backup", kMiddle, 100 + 100 * i);
  const model::Session gw = story_.Login("gw", "staff", "192.0.2.9", 5000);
  Into(gw, "gw", 5001);
  const model::Session db = story_.Login("db", "backup", kMiddle, 5010);
  RunStory();
  Wait(&engine_, &store_);
  EXPECT_EQ(engine_.PathOf(db.id).steps.size(), 1u);
}

TEST_F(PassagesTest, MachineThatClaimsManyConnections_WeighsAsOne) {
  const model::Session gw = story_.Login("gw", "staff", "192.0.2.9", 10);
  Into(gw, "gw", 20);
  const model::Session liar = story_.Login("web", "mallory", "192.0.2.66", 10);
  for (int i = 0; i < 50; ++i) Into(liar, "web", 20);
  const model::Session db = story_.Login("db", "root", kMiddle, 25);
  RunStory();
  Wait(&engine_, &store_);
  const Path path = engine_.PathOf(db.id);
  ASSERT_EQ(path.steps.size(), 3u);
  EXPECT_EQ(path.steps[0].session, gw.id);
}

TEST_F(PassagesTest, AddressOfATranslation_IsNoHost) {
  engine_.SetTranslations({*model::ParseIpPrefix("10.0.9.0/24")});
  const model::Session gw = story_.Login("gw", "staff", "192.0.2.9", 10);
  Into(gw, "gw", 20);
  const model::Session db = story_.Login("db", "staff", kMiddle, 25);
  RunStory();
  Wait(&engine_, &store_);
  EXPECT_EQ(engine_.PathOf(db.id).steps.size(), 1u);
  engine_.SetTranslations({});
  Wait(&engine_, &store_);
  EXPECT_EQ(engine_.PathOf(db.id).steps.size(), 3u);
}

TEST_F(PassagesTest, ClientEndThatArrivesLater_TakesThePlaceOfThePassage) {
  const model::Session gw = story_.Login("gw", "staff", "192.0.2.9", 10);
  Into(gw, "gw", 20);
  const model::Session db = story_.Login("db", "staff", kMiddle, 25);
  RunStory();
  Wait(&engine_, &store_);
  ASSERT_EQ(engine_.PathOf(db.id).steps.size(), 3u);
  // The host has an agent after all, and its spool arrives.
  story_.AddHost("jump", 0, {kMiddle});
  const model::Session jump = story_.Login("jump", "staff", "192.0.2.10", 22);
  model::HopEnd client =
      story_.End("jump", model::HopSide::kClient, db.entry->hop_key, db.entry->flow, 25);
  client.session = jump.id;
  story_.Report("jump", client);
  RunStory();
  Tick(&engine_, kSecond, &store_);
  const Path path = engine_.PathOf(db.id);
  ASSERT_EQ(path.steps.size(), 2u);
  EXPECT_EQ(path.steps[0].session, jump.id);
  EXPECT_EQ(engine_.PathOf(gw.id).steps.size(), 1u);
}

TEST_F(PassagesTest, RestartOfTheCollector_ChangesNothing) {
  const model::Session gw = story_.Login("gw", "staff", "192.0.2.9", 10);
  Into(gw, "gw", 20);
  const model::Session db = story_.Login("db", "root", kMiddle, 25);
  RunStory();
  Wait(&engine_, &store_);
  Engine again(options_);
  again.Restore(store_.Saved());
  const Path before = engine_.PathOf(db.id), after = again.PathOf(db.id);
  ASSERT_EQ(after.steps.size(), 3u);
  EXPECT_EQ(after.steps[2].probability, before.steps[2].probability);
  Outcome outcome;
  again.Tick(&outcome);
  clock_.AdvanceNs(kWait);
  again.Tick(&outcome);
  EXPECT_TRUE(outcome.sessions.empty());
  EXPECT_TRUE(outcome.detections.empty());
  EXPECT_TRUE(outcome.incidents.empty());
}

TEST_F(PassagesTest, OrderOfTheHostsReports_DoesNotMatter) {
  const model::Session gw = story_.Login("gw", "staff", "192.0.2.9", 10);
  const model::HopEnd into = Into(gw, "gw", 20);
  story_.Login("db", "root", kMiddle, 25);
  Close(into, "gw", 60);
  Store orders[2];
  for (int i = 0; i < 2; ++i) {
    Engine engine(options_);
    for (const char* host :
         i == 0 ? std::vector<const char*>{"gw", "db"} : std::vector<const char*>{"db", "gw"}) {
      Run(&engine, story_.facts().at(host), &orders[i]);
      Wait(&engine, &orders[i]);
    }
  }
  EXPECT_EQ(orders[0].Picture(), orders[1].Picture());
}

TEST_F(PassagesTest, HostWhoseAgentIsDown_IsDrawnAndTheLoginIsABlindHop) {
  story_.AddHost("jump", 0, {kMiddle});
  RunStory();
  engine_.SetAgent(Story::Host("jump"), {.up = false, .last_seen_wall_ns = kStoryStart});
  const model::Session gw = story_.Login("gw", "staff", "192.0.2.9", 10);
  Into(gw, "gw", 20);
  const model::Session db = story_.Login("db", "staff", kMiddle, 25);
  RunStory();
  Wait(&engine_, &store_);
  EXPECT_EQ(engine_.PathOf(db.id).steps.size(), 3u);
  for (int i = 0; i < 30; ++i) Tick(&engine_, kSecond, &store_);
  EXPECT_THAT(Rules(store_, db.id), testing::Contains("blind-hop"));
}

TEST_F(PassagesTest, HostThatClaimsTheCollectorsSession_IsRefused) {
  const model::Session gw = story_.Login("gw", "staff", "192.0.2.9", 10);
  Into(gw, "gw", 20);
  const model::Session db = story_.Login("db", "staff", kMiddle, 25);
  RunStory();
  Wait(&engine_, &store_);
  const model::SessionId middle = engine_.PathOf(db.id).steps.at(1).session;
  // Another host claims the collector's own session.
  model::Session forged = *engine_.FindSession(middle);
  forged.host = Story::Host("web");
  forged.user = "innocent";
  Run(&engine_, {forged}, &store_);
  EXPECT_EQ(engine_.FindSession(middle)->user, "");
  EXPECT_EQ(engine_.FindSession(middle)->host, model::UnmonitoredHost(Address(kMiddle)));
}

}  // namespace
}  // namespace hoptrail::collector::engine
