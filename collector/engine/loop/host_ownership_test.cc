// Several agents that speak for one host.

#include <memory>
#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/loop/loop_fixture.h"
#include "collector/store/views.h"
#include "core/wire/resource_names.h"
#include "core/wire/testing.h"

namespace hoptrail::collector::engine {
namespace {

using model::Incarnation;
using testing::HasSubstr;
using testing::IsEmpty;

class HostOwnershipTest : public LoopTest {
 protected:
  static Incarnation Made(uint64_t counter, uint8_t nonce) {
    Incarnation incarnation{counter, {}};
    incarnation.nonce.bytes.fill(nonce);
    return incarnation;
  }

  std::shared_ptr<FakeAgent> Connect(const Incarnation& shown = {}) {
    auto agent = LoopTest::Connect(host_, "gw", 0, shown);
    Pass(0);
    return agent;
  }
  void Confirm(const std::shared_ptr<FakeAgent>& agent, const Incarnation& incarnation) {
    EXPECT_TRUE(bus_->Publish(bus::IncarnationConfirmed{host_, agent, incarnation}));
    Pass(0);
  }
  void Disconnect(const std::shared_ptr<FakeAgent>& agent) {
    EXPECT_TRUE(bus_->Publish(bus::StreamClosed{host_, agent}));
    Pass(0);
  }
  // Connects, confirms and disconnects. Returns the incarnation that the next agent shows.
  Incarnation ConnectOnce(const Incarnation& shown = {}) {
    const auto agent = Connect(shown);
    const Incarnation offered = agent->greetings.at(0).incarnation;
    Confirm(agent, offered);
    Disconnect(agent);
    return offered;
  }
  // The boot that the agent has to assume; nothing if it was accepted.
  static std::optional<model::HostId> AssumedHost(const std::shared_ptr<FakeAgent>& agent) {
    EXPECT_EQ(agent->greetings.size(), 1u);
    return agent->greetings.empty() ? std::nullopt : agent->greetings[0].assumed_host;
  }

  std::string Detail(model::DegradationKind kind, std::optional<model::HostId> of = {}) {
    return DetailOf(of.value_or(host_), kind);
  }
  std::string Clone(std::optional<model::HostId> of = {}) {
    return Detail(model::DegradationKind::kCloneSuspected, of);
  }
  void LogIn(const std::shared_ptr<FakeAgent>& agent) {
    EXPECT_TRUE(bus_->Publish(bus::FactBatch{host_, agent, {1}, {LoginOn(host_)}}));
  }
  std::vector<model::Detection> Detections() {
    auto snapshot = store_->LoadSnapshot();
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    return snapshot->detections;
  }

  const model::HostId host_ = wire::TestHost();
};

TEST_F(HostOwnershipTest, EachStream_GetsTheNextIncarnation) {
  const Incarnation first = ConnectOnce();
  const Incarnation second = ConnectOnce(first);
  EXPECT_EQ(second.counter, first.counter + 1);
  EXPECT_NE(second.nonce, first.nonce);
  EXPECT_EQ(Clone(), "");
  EXPECT_EQ(Detail(model::DegradationKind::kRestartedWithoutHistory), "");
}

TEST_F(HostOwnershipTest, UnconfirmedIncarnation_DoesNotSupersede) {
  const Incarnation first = ConnectOnce();
  Disconnect(Connect(first));
  EXPECT_FALSE(AssumedHost(Connect(first)).has_value());
  EXPECT_EQ(Clone(), "");
}

TEST_F(HostOwnershipTest, IncarnationWhoseConfirmationWasLost_IsAccepted) {
  const Incarnation first = ConnectOnce();
  const auto agent = Connect(first);
  const Incarnation offered = agent->greetings[0].incarnation;
  Disconnect(agent);
  EXPECT_FALSE(AssumedHost(Connect(offered)).has_value());
  EXPECT_EQ(store_->LoadHosts()->front().incarnation, offered) << "the agent made it durable";
}

TEST_F(HostOwnershipTest, CounterAboveTheStores_IsAccepted) {
  ConnectOnce();
  EXPECT_FALSE(AssumedHost(Connect(Made(100, 5))).has_value());
  EXPECT_EQ(Clone(), "");
}

TEST_F(HostOwnershipTest, ConfirmedIncarnation_SurvivesARestart) {
  const Incarnation first = ConnectOnce();
  const Incarnation second = ConnectOnce(first);
  Close();
  Open();
  EXPECT_TRUE(AssumedHost(Connect(first)).has_value());
  EXPECT_FALSE(AssumedHost(Connect(second)).has_value());
}

// A reverted snapshot, or a clone that was made earlier.
TEST_F(HostOwnershipTest, EarlierIncarnation_GoesOnAsABootOfItsOwn) {
  const Incarnation first = ConnectOnce();
  const Incarnation second = ConnectOnce(first);
  const auto reverted = Connect(first);
  const auto assumed = AssumedHost(reverted);
  ASSERT_TRUE(assumed.has_value());
  EXPECT_EQ(assumed->machine, host_.machine);
  EXPECT_TRUE(model::IsAssumed(assumed->boot));
  EXPECT_FALSE(reverted->ended) << "the agent ends the stream itself";
  EXPECT_THAT(Clone(), HasSubstr("an earlier moment"));
  EXPECT_FALSE(AssumedHost(Connect(second)).has_value()) << "neither agent blocks the other";
}

TEST_F(HostOwnershipTest, ConfirmedCounterWithAnotherNonce_IsTheSecondAgent) {
  const Incarnation first = ConnectOnce();
  ConnectOnce(first);
  EXPECT_TRUE(AssumedHost(Connect(Made(first.counter + 1, 77))).has_value());
}

TEST_F(HostOwnershipTest, AgentWithoutIncarnation_IsDegradedForADay) {
  ConnectOnce();
  EXPECT_FALSE(AssumedHost(Connect()).has_value());
  EXPECT_THAT(Detail(model::DegradationKind::kRestartedWithoutHistory), HasSubstr("lost"));
  EXPECT_EQ(Clone(), "");
  Pass(1);
  clock_.AdvanceNs(int64_t{24} * 3600 * kSecond);
  Pass(1);
  EXPECT_EQ(Detail(model::DegradationKind::kRestartedWithoutHistory), "");
}

// A clone with the state of the original connects while the original is connected.
TEST_F(HostOwnershipTest, HolderThatAnswers_StaysAndTheNewcomerIsTheSecondAgent) {
  const Incarnation first = ConnectOnce();
  const auto original = Connect(first);
  const Incarnation offered = original->greetings[0].incarnation;
  Confirm(original, offered);
  const auto clone = Connect(offered);
  ASSERT_EQ(original->asked.size(), 1u);
  EXPECT_GT(original->asked[0].counter, offered.counter);
  EXPECT_THAT(clone->greetings, IsEmpty()) << "it has to wait for the answer";
  Confirm(original, original->asked[0]);
  EXPECT_TRUE(AssumedHost(clone).has_value());
  EXPECT_FALSE(original->ended);
  EXPECT_FALSE(clone->ended);
  EXPECT_THAT(Clone(), HasSubstr("answers"));
  // A later agent with the incarnation that the two had in common is the clone.
  Disconnect(original);
  EXPECT_TRUE(AssumedHost(Connect(offered)).has_value());
  EXPECT_FALSE(AssumedHost(Connect(original->asked[0])).has_value());
}

TEST_F(HostOwnershipTest, HolderThatCannotSave_StaysByAnswering) {
  const auto original = Connect();
  const auto clone = Connect();
  ASSERT_EQ(original->asked.size(), 1u);
  Confirm(original, {});
  EXPECT_TRUE(AssumedHost(clone).has_value());
  EXPECT_FALSE(original->ended);
}

TEST_F(HostOwnershipTest, HolderThatDoesNotAnswer_IsReplaced) {
  const auto dead = Connect();
  const auto successor = Connect(dead->greetings[0].incarnation);
  Pass(2);
  EXPECT_FALSE(dead->ended);
  EXPECT_THAT(successor->greetings, IsEmpty());
  Pass(2);
  EXPECT_TRUE(dead->ended);
  EXPECT_FALSE(AssumedHost(successor).has_value());
  EXPECT_EQ(Clone(), "");
}

TEST_F(HostOwnershipTest, HolderThatSendsButDoesNotAnswer_Stays) {
  const auto busy = Connect();
  const auto newcomer = Connect();
  Pass(2);
  busy->last_message_boot_ns = static_cast<int64_t>(clock_.BootNs());
  Pass(2);
  EXPECT_FALSE(busy->ended);
  EXPECT_TRUE(AssumedHost(newcomer).has_value());
}

TEST_F(HostOwnershipTest, HolderThatDisconnects_IsReplacedAtOnce) {
  const auto old = Connect();
  const auto successor = Connect(old->greetings[0].incarnation);
  EXPECT_THAT(successor->greetings, IsEmpty());
  Disconnect(old);
  EXPECT_FALSE(AssumedHost(successor).has_value());
  EXPECT_EQ(Clone(), "");
}

TEST_F(HostOwnershipTest, NewcomerThatDisconnects_ChangesNothing) {
  const auto holder = Connect();
  const auto newcomer = Connect();
  Disconnect(newcomer);
  Pass(5);
  EXPECT_FALSE(holder->ended);
  EXPECT_THAT(newcomer->greetings, IsEmpty());
  EXPECT_EQ(Clone(), "");
}

TEST_F(HostOwnershipTest, SecondNewcomer_ReplacesTheFirst) {
  const auto dead = Connect();
  const auto first = Connect();
  const auto second = Connect();
  EXPECT_TRUE(first->ended);
  EXPECT_EQ(dead->asked.size(), 1u);
  Pass(4);
  EXPECT_FALSE(AssumedHost(second).has_value());
}

TEST_F(HostOwnershipTest, StoppingCollector_EndsTheNewcomersStream) {
  Connect();
  const auto newcomer = Connect();
  loop_->Stop();
  EXPECT_TRUE(newcomer->ended);
}

TEST_F(HostOwnershipTest, AgentOnAnAssumedBoot_IsSuspectedWhileConnected) {
  const auto original = Connect();
  const auto clone = Connect();
  Confirm(original, original->asked.at(0));
  const auto assumed = AssumedHost(clone);
  ASSERT_TRUE(assumed.has_value());
  const auto moved = LoopTest::Connect(*assumed, "gw");
  Pass(0);
  EXPECT_FALSE(AssumedHost(moved).has_value());
  EXPECT_THAT(Clone(assumed), HasSubstr("boot of its own"));
  auto reader = store_->BorrowReader();
  const auto machine = reader->GetHost(host_.machine);
  ASSERT_TRUE(machine.ok()) << machine.status();
  ASSERT_EQ(machine->boots.size(), 2u);
  EXPECT_EQ(machine->boots[0].host, host_) << "the machine is shown as the original";
  // It stays suspected as long as it is connected; the original for a day.
  Pass(20);
  clock_.AdvanceNs(int64_t{24} * 3600 * kSecond);
  original->last_message_boot_ns = moved->last_message_boot_ns =
      static_cast<int64_t>(clock_.BootNs());
  Pass(1);
  EXPECT_THAT(Clone(assumed), HasSubstr("boot of its own"));
}

TEST_F(HostOwnershipTest, Suspicion_SurvivesARestartAndEndsAfterADay) {
  const Incarnation first = ConnectOnce();
  ConnectOnce(first);
  Connect(first);
  ASSERT_NE(Clone(), "");
  Close();
  Open();
  Pass(1);
  EXPECT_NE(Clone(), "");
  clock_.AdvanceNs(int64_t{24} * 3600 * kSecond);
  Pass(1);
  EXPECT_EQ(Clone(), "");
}

TEST_F(HostOwnershipTest, CloneWhileSomebodyIsLoggedIn_IsADetection) {
  const auto original = Connect();
  LogIn(original);
  Pass(0);
  EXPECT_THAT(Detections(), IsEmpty());
  Connect();
  Confirm(original, original->asked.at(0));
  Pass(1);
  ASSERT_EQ(Detections().size(), 1u);
  EXPECT_EQ(Detections()[0].rule, "blinding");
  EXPECT_EQ(Detections()[0].severity, model::Severity::kMedium);
  EXPECT_EQ(Detections()[0].evidence.at("kind"), "cloned");
}

TEST_F(HostOwnershipTest, LoginAfterTheClone_IsADetectionThen) {
  const auto original = Connect();
  Connect();
  Confirm(original, original->asked.at(0));
  Pass(5);
  EXPECT_THAT(Detections(), IsEmpty());
  LogIn(original);
  Pass(1);
  EXPECT_EQ(Detections().size(), 1u);
}

// Records of an earlier boot. The agent of that boot may be up, on the machine whose disk was
// copied.
TEST_F(HostOwnershipTest, BacklogOfAnEarlierBoot_IsAcceptedUnlessItsAgentIsConnected) {
  ConnectOnce();
  auto backlog = std::make_shared<FakeAgent>(&clock_);
  bus::StreamOpened opened{host_, "gw", backlog};
  opened.backlog = true;
  ASSERT_TRUE(bus_->Publish(opened));
  Pass(0);
  EXPECT_FALSE(AssumedHost(backlog).has_value());
  EXPECT_TRUE(backlog->greetings[0].incarnation.empty());
  EXPECT_EQ(Detail(model::DegradationKind::kRestartedWithoutHistory), "");
  Disconnect(backlog);

  const auto original = Connect();
  opened.sink = backlog = std::make_shared<FakeAgent>(&clock_);
  ASSERT_TRUE(bus_->Publish(opened));
  Pass(0);
  Confirm(original, original->asked.at(0));
  EXPECT_TRUE(AssumedHost(backlog).has_value());
  EXPECT_FALSE(original->ended);
}

}  // namespace
}  // namespace hoptrail::collector::engine
