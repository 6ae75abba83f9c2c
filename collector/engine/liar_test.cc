// A host with a valid certificate that reports ends of connections which it does not have.

#include <functional>
#include <string>
#include <variant>
#include <vector>

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

// The story as it is when web, in its middle, reports other ends than it has.
class LyingMiddleTest : public EngineTest {
 protected:
  // `change` returns false to withhold the end.
  void Play(const std::function<bool(model::HopEnd*)>& change) {
    std::vector<model::Fact> facts = four_.story.in_order();
    std::erase_if(facts, [&](model::Fact& fact) {
      auto* end = std::get_if<model::HopEnd>(&fact);
      return end != nullptr && end->host == four_.web.host && !change(end);
    });
    Run(&engine_, facts, &store_);
    for (int i = 0; i < 5; ++i) Tick(&engine_, 20 * kSecond, &store_);
  }
  model::Proof ProofOf(const model::HopEnd& client) const {
    auto hop = store_.hops.find(graph::DeriveHopId(client));
    return hop == store_.hops.end() ? model::Proof::kUnknown : hop->second.proof;
  }
  std::vector<model::Proof> ProofsOfJoinsWithWeb() const {
    std::vector<model::Proof> proofs;
    for (const auto& [id, hop] : store_.hops) {
      if (hop.joined() &&
          (hop.client->host == four_.web.host || hop.server->host == four_.web.host)) {
        proofs.push_back(hop.proof);
      }
    }
    return proofs;
  }

  FourHosts four_;
  Engine engine_{options_};
  Store store_;
};

TEST_F(LyingMiddleTest, WrongBytes_CostOnlyItsOwnHopsTheirProof) {
  Play([](model::HopEnd* end) {
    if (end->closed_wall_ns != 0) end->bytes_received += 1 << 30;
    return true;
  });
  EXPECT_EQ(ProofOf(four_.story.last_client()), model::Proof::kProven) << "db to vault";
  EXPECT_THAT(ProofsOfJoinsWithWeb(), ElementsAre(model::Proof::kProven)) << "web to db stays open";
}

TEST_F(LyingMiddleTest, WrongTimes_CostOnlyItsOwnHopsTheirProof) {
  Play([](model::HopEnd* end) {
    end->established_wall_ns += 40LL * 24 * 3600 * kSecond;
    if (end->closed_wall_ns != 0) end->closed_wall_ns = end->established_wall_ns + kSecond;
    return true;
  });
  EXPECT_EQ(ProofOf(four_.story.last_client()), model::Proof::kProven);
  EXPECT_THAT(engine_.PathOf(four_.vault.id).steps, testing::SizeIs(testing::Ge(2u)));
}

TEST_F(LyingMiddleTest, WithheldHalf_LeavesALoneEnd) {
  Play([](model::HopEnd*) { return false; });
  EXPECT_THAT(ProofsOfJoinsWithWeb(), IsEmpty());
  EXPECT_EQ(ProofOf(four_.story.last_client()), model::Proof::kProven);
  const Path path = engine_.PathOf(four_.vault.id);
  ASSERT_THAT(path.steps, testing::SizeIs(2));
  EXPECT_EQ(path.steps[0].session, four_.db.id);
}

TEST_F(LiarTest, HonestHosts_HaveNoDisputedEnd) {
  for (const auto& [id, detection] : store_.detections) {
    EXPECT_NE(detection.rule, "disputed-end") << detection.summary;
  }
  EXPECT_THAT(store_.detections, Not(IsEmpty()));
}

}  // namespace
}  // namespace hoptrail::collector::engine
