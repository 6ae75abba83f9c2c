// A host with a valid certificate that reports ends of connections which it does not have.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/engine.h"
#include "collector/engine/engine_fixture.h"
#include "collector/engine/story_for_test.h"

namespace hoptrail::collector::engine {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class LiarTest : public EngineTest {
 protected:
  LiarTest() : engine_(options_) {
    four_.story.AddHost("eve");
    session_ = four_.story.Login("eve", "mallory", "192.0.2.66", 5);
    Run(&engine_, four_.story.in_order(), &store_);
    honest_ = store_.Picture();
  }

  // The end of the last hop, db to vault, as if it were eve's.
  model::HopEnd Claim(model::HopSide side) const {
    const model::HopEnd& real = four_.story.last_client();
    model::HopEnd end = four_.story.End("eve", side, real.hop_key, real.flow, 60);
    end.session = session_.id;
    end.opened_session = side == model::HopSide::kServer;
    return end;
  }
  // Everything but eve's own.
  void ExpectNothingHasChanged() const {
    for (const auto& line : absl::StrSplit(honest_, '\n')) {
      EXPECT_THAT(std::vector<std::string>(absl::StrSplit(store_.Picture(), '\n')),
                  Contains(std::string(line)));
    }
  }

  FourHosts four_;
  model::Session session_;
  Store store_;
  Engine engine_;
  std::string honest_;
};

TEST_F(LiarTest, SecondClientEnd_IsADetectionOnTheLiarAndChangesNoPath) {
  const model::HopEnd claim = Claim(model::HopSide::kClient);
  Run(&engine_, {claim}, &store_);
  ExpectNothingHasChanged();
  EXPECT_THAT(Rules(store_, session_.id), ElementsAre("disputed-end"));
  const auto hop = store_.hops.find(graph::DeriveHopId(claim));
  ASSERT_NE(hop, store_.hops.end()) << "the claim is kept";
  EXPECT_EQ(hop->second.contradiction, model::Contradiction::kRival);
}

TEST_F(LiarTest, SecondServerEnd_IsADetectionOnTheLiarAndChangesNoPath) {
  Run(&engine_, {Claim(model::HopSide::kServer)}, &store_);
  ExpectNothingHasChanged();
  EXPECT_THAT(Rules(store_, session_.id), ElementsAre("disputed-end"));
}

TEST_F(LiarTest, ClaimsAfterARestart_StayClaims) {
  Run(&engine_, {Claim(model::HopSide::kClient), Claim(model::HopSide::kServer)}, &store_);
  const std::string before = store_.Picture();
  Engine restarted(options_);
  restarted.Restore(store_.Saved());
  // Everything is sent again, the liar's records first.
  Run(&restarted, {Claim(model::HopSide::kClient), Claim(model::HopSide::kServer)}, &store_);
  Run(&restarted, four_.story.in_order(), &store_);
  EXPECT_EQ(store_.Picture(), before);
}

TEST_F(LiarTest, DetectionOfAClaim_StaysWhileTheSessionDoes) {
  model::HopEnd claim = Claim(model::HopSide::kClient);
  claim.closed_wall_ns = claim.established_wall_ns + kSecond;
  Run(&engine_, {claim}, &store_);
  Tick(&engine_, 2 * options_.retention_ns, &store_);
  session_.terminal = "pts/7";
  Run(&engine_, {session_}, &store_);
  EXPECT_THAT(Rules(store_, session_.id), ElementsAre("disputed-end"));
}

TEST_F(LiarTest, ClaimThatIsNoLongerDisputed_HasItsDetectionWithdrawn) {
  // The liar was first, and its claim was believed until the honest host reported its end.
  FourHosts late;
  late.story.AddHost("eve");
  late.story.AddHost("late");
  const model::Session eve = late.story.Login("eve", "mallory", "192.0.2.66", 5);
  const model::Session honest = late.story.Login("late", "ann", "192.0.2.67", 5);
  const model::HopKey key = late.story.NextKey();
  const model::Flow flow{{Address("10.0.9.1"), 50009}, {Address("10.0.9.2"), 22}};
  model::HopEnd first = late.story.End("eve", model::HopSide::kClient, key, flow, 90);
  first.session = eve.id;
  model::HopEnd second = late.story.End("late", model::HopSide::kClient, key, flow, 90);
  second.session = honest.id;
  model::HopEnd server = late.story.End("vault", model::HopSide::kServer, key, flow, 90);
  Store store;
  Engine engine(options_);
  Run(&engine, late.story.in_order(), &store);
  Run(&engine, {first, second, server}, &store);
  EXPECT_THAT(Rules(store, honest.id), ElementsAre("disputed-end"));
  EXPECT_THAT(Rules(store, eve.id), IsEmpty());
  model::AgentHealth health;
  health.host = Story::Host("late");
  health.host_name = "late";
  health.addresses = {flow.client.address};
  model::AgentHealth vault;
  vault.host = Story::Host("vault");
  vault.host_name = "vault";
  vault.addresses = {flow.server.address};
  second.user = "ann";  // it is sent again, whole, as more is known
  Run(&engine, {health, vault, second}, &store);
  EXPECT_THAT(Rules(store, honest.id), IsEmpty());
  EXPECT_THAT(Rules(store, eve.id), ElementsAre("disputed-end"));
}

TEST_F(LiarTest, ClientEndForAnOutsidersConnection_DoesNotMakeTheLiarAProvenRoot) {
  // The intruder entered gw from outside, and knows the numbers of that connection.
  model::HopEnd claim = four_.story.End("eve", model::HopSide::kClient, four_.gw.entry->hop_key,
                                        four_.gw.entry->flow, 10);
  claim.session = session_.id;
  Run(&engine_, {claim}, &store_);
  const model::Hop& hop = store_.hops.at(graph::DeriveHopId(claim));
  EXPECT_EQ(hop.proof, model::Proof::kInferred);
  EXPECT_LE(hop.probability, 0.6);
  EXPECT_FALSE(engine_.PathOf(four_.gw.id).proven);
  EXPECT_FALSE(store_.provenance.at(four_.db.id).proven);
}

TEST_F(LiarTest, ClaimClosedEarlyOrLate_ClosesNoHopOfOthers) {
  for (model::HopSide side : {model::HopSide::kClient, model::HopSide::kServer}) {
    for (int closed : {60, 61, 5000}) {
      model::HopEnd claim = Claim(side);
      claim.closed_wall_ns = kStoryStart + closed * kSecond;
      claim.bytes_sent = 1;
      claim.bytes_received = 2;
      Run(&engine_, {claim}, &store_);
      ExpectNothingHasChanged();
    }
  }
}

TEST_F(LiarTest, EndsOfAnOlderBoot_ChangeNothing) {
  // Somebody has db's certificate and a copy of its spool from before a restart.
  for (const model::HopEnd& real : {four_.story.last_client(), Claim(model::HopSide::kServer)}) {
    model::HopEnd replayed = real;
    replayed.host = four_.db.host;
    replayed.host.boot.bytes[0] ^= 0xff;
    replayed.established_boot_ns /= 2;
    replayed.established_wall_ns -= 3600 * kSecond;
    replayed.session = {};
    Run(&engine_, {replayed}, &store_);
    EXPECT_EQ(store_.hops.at(graph::DeriveHopId(replayed)).contradiction,
              model::Contradiction::kRival);
  }
  Tick(&engine_, 60 * kSecond, &store_);
  ExpectNothingHasChanged();
}

// The liar knows, or guesses, the ids that the honest host's session and detection will have.
TEST_F(LiarTest, SessionUnderTheIdOfAnotherHost_IsRefusedAndTheHonestOneIsTaken) {
  Engine engine(options_);
  Store store;
  model::Session stolen = four_.gw;
  stolen.host = Story::Host("eve");
  Outcome outcome;
  engine.Apply(stolen, &outcome);
  EXPECT_TRUE(outcome.empty());
  EXPECT_THAT(outcome.refusals,
              ElementsAre(Refusal{Story::Host("eve"), RefusalReason::kSessionId, 1}));
  Run(&engine, four_.story.in_order(), &store);
  EXPECT_EQ(store.Picture(), honest_);
}

TEST_F(LiarTest, StoredSessionUnderTheIdOfAnotherHost_GivesWay) {
  model::Session stolen = four_.gw;
  stolen.host = Story::Host("eve");
  Engine engine(options_);
  StoredState stored;
  stored.sessions = {stolen};
  engine.Restore(stored);
  Store store;
  Run(&engine, four_.story.in_order(), &store);
  EXPECT_EQ(store.Picture(), honest_);
  EXPECT_EQ(store.sessions.at(four_.gw.id).host, four_.gw.host);
}

TEST_F(LiarTest, DetectionOnASessionOfAnotherHost_IsRefusedBeforeAndAfterItsReport) {
  model::Detection forged;
  for (const auto& [id, detection] : store_.detections) {
    if (detection.session == four_.gw.id && detection.rule == "brute-force") forged = detection;
  }
  ASSERT_FALSE(forged.id.empty());
  forged.host = Story::Host("eve");
  forged.severity = model::Severity::kInfo;
  Engine engine(options_);
  Store store;
  const std::vector<Refusal> refusal{{forged.host, RefusalReason::kForeignDetection, 1}};
  for (int i = 0; i < 2; ++i) {
    Outcome outcome;
    engine.Apply(forged, &outcome);
    EXPECT_TRUE(outcome.empty());
    EXPECT_EQ(outcome.refusals, refusal) << (i == 0 ? "before" : "after");
    if (i == 0) Run(&engine, four_.story.in_order(), &store);
  }
  EXPECT_EQ(store.Picture(), honest_);
}

TEST_F(LiarTest, DetectionUnderAnIdThatDoesNotDerive_IsRefused) {
  model::Detection detection;
  detection.rule = "pivot";
  detection.session = session_.id;
  detection.session_process = session_.first_process;
  detection.host = session_.host;
  detection.severity = model::Severity::kHigh;
  detection.occurrence = "192.0.2.1:22";
  detection.id = model::DeriveDetectionId("pivot", session_.id, "192.0.2.1:23");
  Outcome outcome;
  engine_.Apply(detection, &outcome);
  EXPECT_TRUE(outcome.empty());
  EXPECT_THAT(outcome.refusals,
              ElementsAre(Refusal{session_.host, RefusalReason::kDetectionId, 1}));
  detection.id = model::DeriveDetectionId("pivot", session_.id, detection.occurrence);
  engine_.Apply(detection, &outcome);
  ASSERT_EQ(outcome.detections.size(), 1u);
}

// Its record of the session was dropped, or the session has left memory.
TEST_F(LiarTest, DetectionOnAnUnreportedSession_IsTakenIfTheSessionDerivesFromTheHost) {
  const model::Session unreported = four_.story.MakeSession("eve", "mallory", 7);
  model::Detection detection;
  detection.rule = "pivot";
  detection.session = unreported.id;
  detection.host = unreported.host;
  detection.severity = model::Severity::kHigh;
  detection.id = model::DeriveDetectionId("pivot", unreported.id, "");
  Outcome outcome;
  engine_.Apply(detection, &outcome);
  EXPECT_TRUE(outcome.detections.empty()) << "its first process is not known";
  detection.session_process = unreported.first_process;
  engine_.Apply(detection, &outcome);
  EXPECT_EQ(outcome.detections.size(), 1u);
}

TEST_F(LiarTest, HostThatCallsItselfByAnothersName_IsNotTakenForIt) {
  ASSERT_EQ(store_.Live().size(), 1u);
  EXPECT_EQ(store_.Live()[0].title, "staff from 192.0.2.9: gw → web → db → vault");
  model::AgentHealth health;
  health.host = Story::Host("eve");
  health.host_name = "vault";
  Run(&engine_, {health, Claim(model::HopSide::kClient)}, &store_);
  const auto id = [](const std::string& host) {
    return model::ToString(Story::Host(host).machine).substr(0, 8);
  };
  const std::string honest = absl::StrCat("vault (", id("vault"), ")");
  ASSERT_EQ(store_.Live().size(), 2u);
  for (const model::Incident& incident : store_.Live()) {
    if (incident.root == session_.id) {
      EXPECT_THAT(incident.title, HasSubstr(absl::StrCat("vault (", id("eve"), ")")));
    } else {
      EXPECT_THAT(incident.title, EndsWith(honest));
    }
  }
  EXPECT_EQ(engine_.host_names().Label(Story::Host("vault")), honest);
  // Provenance goes to the agents of open sessions only.
  const std::vector<model::Provenance> of_db = engine_.ProvenanceOf(Story::Host("db"));
  ASSERT_FALSE(of_db.empty());
  EXPECT_EQ(of_db[0].path.back(), "root@db") << "the other names are as before";
}

TEST_F(LiarTest, HostWithManyNames_RelabelsNobodyAfterTheSixteenth) {
  std::vector<model::Fact> names;
  model::AgentHealth health;
  health.host = Story::Host("eve");
  for (int i = 0; i < 20; ++i) {
    health.host_name = absl::StrCat("eve", i);
    names.emplace_back(health);
  }
  health.host_name = "vault";
  names.emplace_back(health);
  Run(&engine_, names, &store_);
  EXPECT_EQ(engine_.host_names().Label(Story::Host("vault")), "vault");
  EXPECT_EQ(engine_.counts().refused, 6u) << "it had the name eve before the first fifteen";
}

TEST_F(LiarTest, HonestHosts_HaveNothingRefused) { EXPECT_EQ(engine_.counts().refused, 0u); }

TEST_F(LiarTest, HonestHosts_HaveNoDisputedEnd) {
  for (const auto& [id, detection] : store_.detections) {
    EXPECT_NE(detection.rule, "disputed-end") << detection.summary;
  }
  EXPECT_THAT(store_.detections, Not(IsEmpty()));
}

}  // namespace
}  // namespace hoptrail::collector::engine
