#include "collector/engine/join/joiner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/join/times_for_test.h"

namespace hoptrail::collector::engine {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::Lt;

model::HopEnd End(uint8_t host, model::HopSide side, model::HopKey key, int second = 0,
                  uint16_t port = 40000) {
  model::HopEnd end;
  end.host.machine.bytes[0] = host;
  end.side = side;
  end.hop_key = key;
  end.flow.client.port = port;
  end.flow.server.port = 22;
  end.established_boot_ns = (1000 + second) * kSecond;
  end.established_wall_ns = kStart + second * kSecond;
  return end;
}

model::HopEnd Client(uint8_t host, model::HopKey key, int second = 0, uint16_t port = 40000) {
  return End(host, model::HopSide::kClient, key, second, port);
}
model::HopEnd Server(uint8_t host, model::HopKey key, int second = 0, uint16_t port = 40000) {
  return End(host, model::HopSide::kServer, key, second, port);
}

model::IpAddress Address(const char* text) { return *model::ParseIpAddress(text); }

class JoinerTest : public testing::Test {
 protected:
  static std::vector<graph::HopId> Changed(const JoinChanges& changes) {
    std::vector<graph::HopId> keys;
    for (const JoinChange& change : changes.hops) {
      if (change.hop.has_value()) keys.push_back(change.key);
    }
    return keys;
  }
  static std::vector<graph::HopId> Removed(const JoinChanges& changes) {
    std::vector<graph::HopId> keys;
    for (const JoinChange& change : changes.hops) {
      if (!change.hop.has_value()) keys.push_back(change.key);
    }
    return keys;
  }

  model::Proof ProofOf(const graph::HopId& key) {
    const auto hop = joiner_.Find(key);
    return hop.has_value() ? hop->proof : model::Proof::kUnknown;
  }
  Joiner joiner_;
};

TEST_F(JoinerTest, ClientAndServerOfOneKey_AreProvenWhateverTheirFlows) {
  const auto server = joiner_.Put(Server(2, {1, 2}, 0, 61000), kStart);
  EXPECT_THAT(Changed(joiner_.TakeChanges()), ElementsAre(server));
  const auto client = joiner_.Put(Client(1, {1, 2}), kStart);
  EXPECT_EQ(ProofOf(client), model::Proof::kProven);
  EXPECT_EQ(joiner_.Find(client)->probability, 1);
  const JoinChanges changes = joiner_.TakeChanges();
  EXPECT_THAT(Changed(changes), ElementsAre(client));
  EXPECT_THAT(Removed(changes), ElementsAre(server));
  EXPECT_EQ(joiner_.Find(server), std::nullopt);
  EXPECT_EQ(joiner_.HopOf(server), client);
  joiner_.Put(Client(1, {1, 2}), kStart);
  EXPECT_THAT(Changed(joiner_.TakeChanges()), IsEmpty());
}

TEST_F(JoinerTest, BothEndsOnOneHost_AreProven) {
  const auto client = joiner_.Put(Client(1, {1, 2}), kStart);
  joiner_.Put(Server(1, {1, 2}), kStart);
  EXPECT_EQ(ProofOf(client), model::Proof::kProven);
}

TEST_F(JoinerTest, SecondServerOfAKey_DoesNotBreakTheFirstPair) {
  const auto client = joiner_.Put(Client(1, {1, 2}), kStart);
  joiner_.Put(Server(2, {1, 2}), kStart);
  joiner_.TakeChanges();
  const auto liar = joiner_.Put(Server(3, {1, 2}), kStart);
  joiner_.Tick(kStart + 60 * kSecond);
  EXPECT_EQ(ProofOf(client), model::Proof::kProven);
  EXPECT_EQ(joiner_.Find(client)->server->host.machine.bytes[0], 2);
  EXPECT_THAT(Changed(joiner_.TakeChanges()), ElementsAre(liar)) << "nothing else has changed";
  EXPECT_FALSE(joiner_.Find(liar)->joined());
  EXPECT_EQ(joiner_.Find(liar)->contradiction, model::Contradiction::kRival);
  EXPECT_EQ(joiner_.contradicted(), 1u);
}

TEST_F(JoinerTest, SecondClientOfAKey_DoesNotBreakTheFirstPair) {
  const auto client = joiner_.Put(Client(1, {1, 2}), kStart);
  joiner_.Put(Server(2, {1, 2}), kStart);
  // Whatever it says of its time, its flow and its bytes.
  for (int second : {-5, 0, 5}) {
    const auto liar =
        joiner_.Put(Client(static_cast<uint8_t>(20 + second), {1, 2}, second), kStart);
    EXPECT_EQ(joiner_.Find(liar)->contradiction, model::Contradiction::kRival);
  }
  EXPECT_EQ(ProofOf(client), model::Proof::kProven);
}

TEST_F(JoinerTest, ClaimBeforeTheHonestOne_LosesByItsAddresses) {
  joiner_.SetAddresses(Client(1, {}).host, {Address("10.0.0.1")});
  joiner_.SetAddresses(Server(2, {}).host, {Address("10.0.0.2")});
  joiner_.SetAddresses(Client(3, {}).host, {Address("10.0.0.3")});
  const model::Flow flow = {{Address("10.0.0.1"), 40000}, {Address("10.0.0.2"), 22}};
  model::HopEnd server = Server(2, {1, 2}), honest = Client(1, {1, 2}), liar = Client(3, {1, 2});
  server.flow = honest.flow = flow;
  liar.flow = flow;
  liar.flow.client.address = Address("10.0.0.3");
  joiner_.Put(server, kStart);
  const auto early = joiner_.Put(liar, kStart);
  EXPECT_EQ(ProofOf(early), model::Proof::kInferred) << "the server saw another host's address";
  const auto client = joiner_.Put(honest, kStart);
  EXPECT_EQ(ProofOf(client), model::Proof::kProven);
  EXPECT_EQ(joiner_.Find(early)->contradiction, model::Contradiction::kRival);
}

TEST_F(JoinerTest, RivalClaim_IsNotJoinedByItsFlow) {
  joiner_.Put(Client(1, {1, 2}), kStart);
  joiner_.Put(Server(2, {1, 2}), kStart);
  const auto liar = joiner_.Put(Client(3, {1, 2}, 0, 41000), kStart);
  joiner_.Put(Server(4, {}, 0, 41000), kStart);
  joiner_.Tick(kStart + 60 * kSecond);
  EXPECT_FALSE(joiner_.Find(liar)->joined());
}

TEST_F(JoinerTest, FloodOfClaims_ChangesNothing) {
  const auto client = joiner_.Put(Client(1, {1, 2}), kStart);
  joiner_.Put(Server(2, {1, 2}), kStart);
  joiner_.TakeChanges();
  for (uint8_t host = 3; host < 200; ++host) joiner_.Put(Server(host, {1, 2}), kStart);
  EXPECT_EQ(ProofOf(client), model::Proof::kProven);
  EXPECT_EQ(joiner_.contradicted(), 197u);
}

TEST_F(JoinerTest, ManyBootsOfOneMachine_KeepNoOtherClaimOut) {
  const model::Flow flow = {{Address("10.0.0.1"), 40000}, {Address("10.0.0.2"), 22}};
  joiner_.SetAddresses(Client(1, {}).host, {flow.client.address});
  joiner_.SetAddresses(Server(2, {}).host, {flow.server.address});
  model::HopEnd liar = Client(3, {1, 2}), honest = Client(1, {1, 2}), server = Server(2, {1, 2});
  honest.flow = server.flow = flow;
  for (uint8_t boot = 0; boot < 100; ++boot) {
    liar.host.boot.bytes[0] = boot;
    joiner_.Put(liar, kStart);
  }
  joiner_.Put(server, kStart);
  const auto client = joiner_.Put(honest, kStart);
  EXPECT_EQ(ProofOf(client), model::Proof::kProven);
}

TEST_F(JoinerTest, RivalWhoseOpponentIsForgotten_IsJoined) {
  const auto client = joiner_.Put(Client(1, {1, 2}), kStart);
  joiner_.Put(Server(2, {1, 2}), kStart);
  const auto second = joiner_.Put(Client(3, {1, 2}), kStart);
  joiner_.Forget(client);
  joiner_.Put(Server(2, {1, 2}), kStart);
  EXPECT_EQ(ProofOf(second), model::Proof::kProven);
  EXPECT_EQ(joiner_.Find(second)->contradiction, model::Contradiction::kNone);
}

TEST_F(JoinerTest, ContradictingBytes_BreakAProvenJoin) {
  model::HopEnd c = Client(1, {1, 2});
  model::HopEnd s = Server(2, {1, 2}, 0, 61000);
  const auto client = joiner_.Put(c, kStart);
  joiner_.Put(s, kStart);
  c.closed_wall_ns = s.closed_wall_ns = kStart + kSecond;
  c.bytes_sent = 5000;
  c.bytes_received = 1;
  s.bytes_sent = 1;
  s.bytes_received = 100;
  joiner_.Put(c, kStart);
  EXPECT_EQ(ProofOf(client), model::Proof::kProven);
  joiner_.Put(s, kStart);
  EXPECT_FALSE(joiner_.Find(client)->joined());
  EXPECT_EQ(joiner_.Find(client)->contradiction, model::Contradiction::kBytes);
  EXPECT_EQ(joiner_.contradicted(), 2u);
}

TEST_F(JoinerTest, EndsOfOneFlow_AreJoinedAfterTheGracePeriodOnly) {
  const auto client = joiner_.Put(Client(1, {1, 2}), kStart);
  joiner_.Put(Server(2, {}, 5), kStart);
  joiner_.Tick(kStart + 9 * kSecond);
  EXPECT_FALSE(joiner_.Find(client)->joined());
  joiner_.Tick(kStart + 10 * kSecond);
  EXPECT_EQ(ProofOf(client), model::Proof::kInferred);
  const double alone = joiner_.Find(client)->probability;
  EXPECT_THAT(alone, AllOf(Ge(0.2), Le(0.5)));
  // A second candidate shares the probability.
  joiner_.Put(Server(3, {}, 20), kStart + 20 * kSecond);
  joiner_.Tick(kStart + 40 * kSecond);
  EXPECT_THAT(joiner_.Find(client)->probability, Lt(alone));
  EXPECT_EQ(joiner_.Find(client)->server->host.machine.bytes[0], 2);  // the closest
}

TEST_F(JoinerTest, EndsFarApartOrOfAnotherFlow_AreNotJoined) {
  const auto client = joiner_.Put(Client(1, {}), kStart);
  joiner_.Put(Server(2, {}, 31), kStart);
  joiner_.Put(Server(2, {}, 0, 41000), kStart);
  joiner_.Tick(kStart + 60 * kSecond);
  EXPECT_FALSE(joiner_.Find(client)->joined());
}

TEST_F(JoinerTest, ProvenJoin_ReplacesAnInferredOne) {
  const auto client = joiner_.Put(Client(1, {1, 2}), kStart);
  const auto wrong = joiner_.Put(Server(3, {7, 7}), kStart);
  joiner_.Tick(kStart + 10 * kSecond);
  EXPECT_EQ(ProofOf(client), model::Proof::kInferred);
  EXPECT_THAT(joiner_.Find(client)->probability, AllOf(Ge(0.05), Le(0.3)));
  joiner_.TakeChanges();
  joiner_.Put(Server(2, {1, 2}, 0, 61000), kStart + 20 * kSecond);
  EXPECT_EQ(ProofOf(client), model::Proof::kProven);
  EXPECT_EQ(joiner_.Find(client)->server->host.machine.bytes[0], 2);
  EXPECT_FALSE(joiner_.Find(wrong)->joined());
  EXPECT_THAT(Changed(joiner_.TakeChanges()), Contains(wrong));
}

TEST_F(JoinerTest, EndThatLearnsItsKey_IsJoinedByIt) {
  const auto keyless = joiner_.Put(Client(1, {}), kStart);
  joiner_.Put(Server(2, {1, 2}), kStart);
  joiner_.Tick(kStart + 10 * kSecond);
  EXPECT_EQ(ProofOf(keyless), model::Proof::kInferred);
  joiner_.TakeChanges();
  const auto keyed = joiner_.Put(Client(1, {1, 2}), kStart + 11 * kSecond);
  EXPECT_EQ(ProofOf(keyed), model::Proof::kProven);
  EXPECT_THAT(Removed(joiner_.TakeChanges()), ElementsAre(keyless));
}

TEST_F(JoinerTest, ClocksLearnedFromProvenHops_CorrectTheWindow) {
  for (uint32_t i = 1; i <= 3; ++i) {
    model::HopEnd s = Server(2, {i, i}, 600, static_cast<uint16_t>(100 + i));
    model::HopEnd c = Client(1, {i, i}, 0, static_cast<uint16_t>(100 + i));
    c.rtt_us = s.rtt_us = 2000;
    joiner_.Put(s, kStart);
    joiner_.Put(c, kStart);
  }
  EXPECT_THAT(
      joiner_.TakeChanges().clocks,
      Contains(ClockOffset{Server(2, {}).host, Client(1, {}).host, 600 * kSecond - 1'000'000, 3}));
  const auto client = joiner_.Put(Client(1, {}, 50), kStart);
  joiner_.Put(Server(2, {}, 655), kStart);
  joiner_.Tick(kStart + 10 * kSecond);
  EXPECT_EQ(ProofOf(client), model::Proof::kInferred);
}

TEST_F(JoinerTest, ForgottenHop_LeavesNothing) {
  const auto client = joiner_.Put(Client(1, {1, 2}), kStart);
  const auto server = joiner_.Put(Server(2, {1, 2}), kStart);
  joiner_.TakeChanges();
  joiner_.Forget(client);
  EXPECT_EQ(joiner_.size(), 0u);
  EXPECT_EQ(joiner_.proven(), 0u);
  EXPECT_EQ(joiner_.FindEnd(server), nullptr);
  EXPECT_THAT(Removed(joiner_.TakeChanges()), IsEmpty());
}

}  // namespace
}  // namespace hoptrail::collector::engine
