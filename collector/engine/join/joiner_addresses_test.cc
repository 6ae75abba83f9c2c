// Joins whose addresses decide.

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/join/joiner.h"
#include "collector/engine/join/times_for_test.h"

namespace hoptrail::collector::engine {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Gt;
using ::testing::Le;
using ::testing::Lt;

constexpr char kOutsider[] = "198.51.100.9";
constexpr char kOuter[] = "203.0.113.7";

// Host n has the address 10.0.0.n. Host 2 is the server of every connection, and host 3 the liar.
class JoinerAddressesTest : public testing::Test {
 protected:
  JoinerAddressesTest() {
    for (uint8_t host = 1; host <= 4; ++host) Report(host, {Own(host)});
  }

  static std::string Own(uint8_t host) { return "10.0.0." + std::to_string(host); }
  static model::HostId Host(uint8_t number) {
    model::HostId host;
    host.machine.bytes[0] = number;
    return host;
  }
  static model::IpAddress Ip(const std::string& text) { return *model::ParseIpAddress(text); }

  void Report(uint8_t host, const std::vector<std::string>& addresses) {
    std::vector<model::IpAddress> parsed;
    for (const std::string& each : addresses) parsed.push_back(Ip(each));
    joiner_.SetAddresses(Host(host), parsed);
  }
  static model::HopEnd End(uint8_t host, model::HopSide side, model::HopKey key,
                           const std::string& client, const std::string& server,
                           uint16_t port = 40000) {
    model::HopEnd end;
    end.host = Host(host);
    end.side = side;
    end.hop_key = key;
    end.flow = {{Ip(client), port}, {Ip(server), 22}};
    end.established_boot_ns = 1000 * kSecond;
    end.established_wall_ns = kStart;
    return end;
  }
  // Host 2's end of a connection whose client it sees under that address.
  graph::HopId Serve(const std::string& client, model::HopKey key = {1, 2}, uint16_t port = 40000) {
    return joiner_.Put(End(2, model::HopSide::kServer, key, client, Own(2), port), kStart);
  }
  graph::HopId Claim(uint8_t host, const std::string& own, model::HopKey key = {1, 2},
                     uint16_t port = 40000) {
    return joiner_.Put(End(host, model::HopSide::kClient, key, own, Own(2), port), kStart);
  }
  model::Proof ProofOf(const graph::HopId& hop) const { return joiner_.Find(hop)->proof; }
  double ProbabilityOf(const graph::HopId& hop) const { return joiner_.Find(hop)->probability; }
  void Wait(int seconds) { joiner_.Tick(now_ += seconds * kSecond); }

  Joiner joiner_;
  int64_t now_ = kStart;
};

TEST_F(JoinerAddressesTest, ClientEndForAnOutsidersConnection_IsNotProven) {
  // Whether the liar's own view has its own address or the outsider's.
  uint16_t port = 1;
  for (const std::string& own : {Own(3), std::string(kOutsider)}) {
    const model::HopKey key{port, port};
    Serve(kOutsider, key, port);
    const auto claim = Claim(3, own, key, port++);
    EXPECT_EQ(ProofOf(claim), model::Proof::kInferred) << own;
    EXPECT_THAT(ProbabilityOf(claim), AllOf(Ge(0.3), Le(0.6))) << own;
  }
  EXPECT_EQ(joiner_.proven(), 0u);
}

TEST_F(JoinerAddressesTest, ServerEndForAConnectionToOutside_IsNotProven) {
  const auto client =
      joiner_.Put(End(1, model::HopSide::kClient, {1, 2}, Own(1), kOutsider), kStart);
  joiner_.Put(End(3, model::HopSide::kServer, {1, 2}, Own(1), Own(3)), kStart);
  EXPECT_EQ(ProofOf(client), model::Proof::kInferred);
}

TEST_F(JoinerAddressesTest, ClientEndForAnotherHostsConnection_IsUnlikely) {
  Serve(Own(1));
  const auto claim = Claim(3, Own(3));
  EXPECT_EQ(ProofOf(claim), model::Proof::kInferred);
  EXPECT_THAT(ProbabilityOf(claim), Le(0.2));
}

TEST_F(JoinerAddressesTest, ConnectionThroughPrivateTranslation_IsProven) {
  Serve("10.71.2.1");
  EXPECT_EQ(ProofOf(Claim(1, Own(1))), model::Proof::kProven);
}

TEST_F(JoinerAddressesTest, ConfiguredTranslation_ProvesWaitingJoinsAndTakesNoneBack) {
  Serve(kOuter);
  const auto client = Claim(1, Own(1));
  EXPECT_EQ(ProofOf(client), model::Proof::kInferred);
  joiner_.TakeChanges();
  joiner_.SetTranslations({*model::ParseIpPrefix("203.0.113.0/24")});
  Wait(1);
  EXPECT_EQ(ProofOf(client), model::Proof::kProven);
  EXPECT_EQ(joiner_.TakeChanges().hops.size(), 1u);
  EXPECT_EQ(joiner_.proven(), 1u);
  EXPECT_EQ(joiner_.waiting(), 0u);
  joiner_.SetTranslations({});
  Wait(1);
  model::HopEnd closed = *joiner_.FindEnd(client);
  closed.closed_wall_ns = kStart + 5 * kSecond;
  joiner_.Put(closed, kStart);
  EXPECT_EQ(ProofOf(client), model::Proof::kProven) << "it was judged by what was known then";
}

TEST_F(JoinerAddressesTest, StreamsOfTwoHosts_ProveThatTheirAddressIsATranslation) {
  Serve(kOuter);
  const auto client = Claim(1, Own(1));
  joiner_.SetStreamAddress(Host(1), Ip(kOuter));
  Wait(1);
  EXPECT_EQ(ProofOf(client), model::Proof::kInferred);
  joiner_.SetStreamAddress(Host(4), Ip(kOuter));
  Wait(1);
  EXPECT_EQ(ProofOf(client), model::Proof::kProven);
  // It says nothing of a host whose stream comes from elsewhere.
  Serve(kOuter, {3, 4}, 40001);
  EXPECT_EQ(ProofOf(Claim(3, Own(3), {3, 4}, 40001)), model::Proof::kInferred);
}

TEST_F(JoinerAddressesTest, AddressReportedLater_ProvesTheJoin) {
  Serve("2001:db8::1");
  const auto client = Claim(1, "2001:db8::1");
  EXPECT_EQ(ProofOf(client), model::Proof::kInferred);
  Report(1, {Own(1), "2001:db8::1"});
  Wait(1);
  EXPECT_EQ(ProofOf(client), model::Proof::kProven);
}

TEST_F(JoinerAddressesTest, HostThatReportsTheOuterAddressAsItsOwn_TakesNoProofBack) {
  Serve("10.71.2.1");
  const auto client = Claim(1, Own(1));
  Report(3, {Own(3), "10.71.2.1"});
  const auto claim = Claim(3, "10.71.2.1");
  Wait(60);
  EXPECT_EQ(ProofOf(client), model::Proof::kProven);
  EXPECT_EQ(joiner_.Find(claim)->contradiction, model::Contradiction::kRival);
  // The operator's list also protects later connections.
  joiner_.SetTranslations({*model::ParseIpPrefix("10.71.2.1")});
  Serve("10.71.2.1", {3, 4}, 40001);
  const auto later = Claim(1, Own(1), {3, 4}, 40001);
  Claim(3, "10.71.2.1", {3, 4}, 40001);
  EXPECT_EQ(ProofOf(later), model::Proof::kProven);
}

TEST_F(JoinerAddressesTest, ProvenJoin_StaysAfterARestartThatKnowsNoAddresses) {
  joiner_.SetTranslations({*model::ParseIpPrefix(kOuter)});
  Serve(kOuter);
  const auto client = Claim(1, Own(1));
  Joiner restarted;
  restarted.Restore(*joiner_.Find(client), kStart);
  EXPECT_EQ(restarted.Find(client)->proof, model::Proof::kProven);
  EXPECT_EQ(restarted.proven(), 1u);
}

TEST_F(JoinerAddressesTest, ManyWaitingJoins_AreMadeAgainInBoundedSteps) {
  const auto many = static_cast<uint32_t>(Joiner::kMaxRechecks + 5);
  for (uint32_t i = 1; i <= many; ++i) {
    Serve(kOuter, {i, i}, static_cast<uint16_t>(i));
    Claim(1, Own(1), {i, i}, static_cast<uint16_t>(i));
  }
  EXPECT_EQ(joiner_.inferred(), many);
  joiner_.SetTranslations({*model::ParseIpPrefix(kOuter)});
  Wait(1);
  EXPECT_EQ(joiner_.proven(), Joiner::kMaxRechecks);
  Wait(1);
  EXPECT_EQ(joiner_.proven(), many);
}

TEST_F(JoinerAddressesTest, UnlikelyJoinByKey_GivesWayToALikelierOneByFlow) {
  const auto server = Serve(Own(1));
  const auto claim = Claim(3, Own(3));
  EXPECT_EQ(joiner_.HopOf(server), claim);
  const auto honest = Claim(1, Own(1), {});
  Wait(11);
  EXPECT_EQ(joiner_.HopOf(server), honest);
  EXPECT_THAT(ProbabilityOf(honest), Ge(0.8));
  EXPECT_FALSE(joiner_.Find(claim)->joined());
  // Nor does a later report of the claim bring it back.
  joiner_.TakeChanges();
  model::HopEnd closed = *joiner_.FindEnd(claim);
  closed.closed_wall_ns = kStart + kSecond;
  joiner_.Put(closed, kStart);
  EXPECT_EQ(joiner_.HopOf(server), honest);
  EXPECT_EQ(joiner_.TakeChanges().hops.size(), 1u) << "only the claim has changed";
}

TEST_F(JoinerAddressesTest, JoinByKey_StaysAgainstALessLikelyOneByFlow) {
  const auto server = Serve(kOuter);
  const auto client = Claim(1, Own(1));
  const double probability = ProbabilityOf(client);
  Claim(3, kOuter, {});
  Wait(11);
  EXPECT_EQ(joiner_.HopOf(server), client);
  EXPECT_DOUBLE_EQ(ProbabilityOf(client), probability);
}

TEST_F(JoinerAddressesTest, HostThatClaimsBothEndsOfAKey_TakesItFromNobody) {
  for (model::HopSide side : {model::HopSide::kClient, model::HopSide::kServer}) {
    joiner_.Put(End(3, side, {1, 2}, Own(3), Own(3)), kStart);
  }
  Serve(Own(1));
  const auto client = Claim(1, Own(1));
  EXPECT_EQ(ProofOf(client), model::Proof::kProven);
  EXPECT_EQ(joiner_.contradicted(), 0u);
}

TEST_F(JoinerAddressesTest, FloodOfEndsWithoutKey_IsNotBelieved) {
  constexpr uint16_t kFirst = 32768, kPorts = 28800;
  // Connections of hosts without an agent, whose address may be a container's of any host.
  for (uint16_t i = 0; i < 100; ++i) {
    Serve("10.200.0.1", {i + 1u, 7}, static_cast<uint16_t>(kFirst + 288 * i));
  }
  const auto honest = Claim(1, "10.200.0.1", {}, kFirst);
  for (uint16_t i = 0; i < kPorts; ++i) {
    joiner_.Put(End(3, model::HopSide::kClient, {}, "10.200.0.1", Own(2),
                    static_cast<uint16_t>(kFirst + i)),
                kStart + i * int64_t{4} * kSecond / kPorts);
  }
  Wait(20);
  EXPECT_EQ(joiner_.inferred(), 1u);
  EXPECT_TRUE(joiner_.Find(honest)->joined()) << "the flood hides nobody";
  EXPECT_THAT(ProbabilityOf(honest), Gt(0.3));
}

TEST_F(JoinerAddressesTest, FloodBeforeARestart_IsNotBelievedAfterIt) {
  std::vector<model::Hop> stored;
  for (uint16_t port = 1; port <= 2000; ++port) {
    const auto claim = Claim(3, "10.200.0.1", {}, port);
    stored.push_back(*joiner_.Find(claim));
  }
  stored.push_back(*joiner_.Find(Serve("10.200.0.1", {1, 2}, 7)));
  Joiner restarted;
  for (const model::Hop& hop : stored) restarted.Restore(hop, kStart);
  restarted.Tick(kStart + 11 * kSecond);
  EXPECT_EQ(restarted.inferred(), 0u);
}

TEST_F(JoinerAddressesTest, FewEndsWithoutKey_AreLessLikelyTheMoreThereAre) {
  std::vector<double> probabilities;
  for (uint16_t count : {1, 10, 40}) {
    Joiner fresh;
    fresh.SetAddresses(Host(1), {Ip(Own(1))});
    fresh.SetAddresses(Host(2), {Ip(Own(2))});
    fresh.Put(End(2, model::HopSide::kServer, {1, 2}, Own(1), Own(2), 1), kStart);
    for (uint16_t port = 1; port <= count; ++port) {
      fresh.Put(End(1, model::HopSide::kClient, {}, Own(1), Own(2), port), kStart);
    }
    fresh.Tick(kStart + 11 * kSecond);
    probabilities.push_back(
        fresh.Find(graph::DeriveHopId(End(1, model::HopSide::kClient, {}, Own(1), Own(2), 1)))
            ->probability);
  }
  EXPECT_THAT(probabilities[0], Ge(0.95));
  EXPECT_THAT(probabilities[1], AllOf(Lt(probabilities[0] + 1e-9), Gt(probabilities[2])));
}

}  // namespace
}  // namespace hoptrail::collector::engine
