// Several agents that speak for one host, step by step with a clock of its own.

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

class IdentityTest : public LoopTest {
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
  // Connects, confirms and goes; what it confirmed is what its successor shows.
  Incarnation Live(const Incarnation& shown = {}) {
    const auto agent = Connect(shown);
    const Incarnation given = agent->greetings.at(0).incarnation;
    Confirm(agent, given);
    Disconnect(agent);
    return given;
  }
  // Where the agent was sent to; nothing where it was welcomed.
  static std::optional<model::HostId> Sent(const std::shared_ptr<FakeAgent>& agent) {
    EXPECT_EQ(agent->greetings.size(), 1u);
    return agent->greetings.empty() ? std::nullopt : agent->greetings[0].assumed_host;
  }

  // The detail; empty where there is none of that kind.
  std::string Detail(model::DegradationKind kind, std::optional<model::HostId> of = {}) {
    const auto hosts = store_->LoadHosts();
    EXPECT_TRUE(hosts.ok()) << hosts.status();
    for (const store::HostRow& row : *hosts) {
      if (row.host != of.value_or(host_)) continue;
      for (const auto& each : row.collector_degradations) {
        if (each.kind == kind) return each.detail;
      }
    }
    return "";
  }
  std::string Clone(std::optional<model::HostId> of = {}) {
    return Detail(model::DegradationKind::kCloneSuspected, of);
  }
  void LogIn(const std::shared_ptr<FakeAgent>& agent) {
    model::Session session;
    session.host = host_;
    session.id.bytes[0] = 1;
    session.kind = model::EntryKind::kRemote;
    session.logged_in = true;
    session.user = "ann";
    session.opened_wall_ns = clock_.WallNs();
    EXPECT_TRUE(bus_->Publish(bus::FactBatch{host_, agent, {1}, {session}}));
  }
  std::vector<model::Detection> Detections() {
    auto snapshot = store_->LoadSnapshot();
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    return snapshot->detections;
  }

  const model::HostId host_ = wire::TestHost();
};

TEST_F(IdentityTest, EachStreamGetsTheNext) {
  const Incarnation first = Live();
  const Incarnation second = Live(first);
  EXPECT_EQ(second.counter, first.counter + 1);
  EXPECT_NE(second.nonce, first.nonce);
  EXPECT_EQ(Clone(), "");
  EXPECT_EQ(Detail(model::DegradationKind::kRestartedWithoutHistory), "");
}

TEST_F(IdentityTest, AGreetingThatWasNotConfirmedDoesNotCount) {
  const Incarnation first = Live();
  Disconnect(Connect(first));
  EXPECT_FALSE(Sent(Connect(first)).has_value());
  EXPECT_EQ(Clone(), "");
}

TEST_F(IdentityTest, OneWhoseConfirmationWasLostIsKnown) {
  const Incarnation first = Live();
  const auto agent = Connect(first);
  const Incarnation given = agent->greetings[0].incarnation;
  Disconnect(agent);
  EXPECT_FALSE(Sent(Connect(given)).has_value());
  EXPECT_EQ(store_->LoadHosts()->front().incarnation, given) << "it has made it durable";
}

TEST_F(IdentityTest, AnOlderStoreBelievesTheAgent) {
  Live();
  EXPECT_FALSE(Sent(Connect(Made(100, 5))).has_value());
  EXPECT_EQ(Clone(), "");
}

TEST_F(IdentityTest, WhatWasConfirmedOutlivesTheCollector) {
  const Incarnation first = Live();
  const Incarnation second = Live(first);
  Close();
  Open();
  EXPECT_TRUE(Sent(Connect(first)).has_value());
  EXPECT_FALSE(Sent(Connect(second)).has_value());
}

// A snapshot that was reverted, or a clone of before that comes now.
TEST_F(IdentityTest, AnEarlierStateGoesOnUnderABootOfItsOwn) {
  const Incarnation first = Live();
  const Incarnation second = Live(first);
  const auto reverted = Connect(first);
  const auto assumed = Sent(reverted);
  ASSERT_TRUE(assumed.has_value());
  EXPECT_EQ(assumed->machine, host_.machine);
  EXPECT_TRUE(model::IsAssumed(assumed->boot));
  EXPECT_FALSE(reverted->ended) << "it ends the stream itself";
  EXPECT_THAT(Clone(), HasSubstr("an earlier moment"));
  EXPECT_FALSE(Sent(Connect(second)).has_value()) << "nobody blocks the other";
}

TEST_F(IdentityTest, TheSameNumberOfAnotherIsAnothers) {
  const Incarnation first = Live();
  Live(first);
  EXPECT_TRUE(Sent(Connect(Made(first.counter + 1, 77))).has_value());
}

TEST_F(IdentityTest, OneThatRemembersNothingHasLostItsState) {
  Live();
  EXPECT_FALSE(Sent(Connect()).has_value());
  EXPECT_THAT(Detail(model::DegradationKind::kRestartedWithoutHistory), HasSubstr("lost"));
  EXPECT_EQ(Clone(), "");
  Pass(1);
  clock_.AdvanceNs(int64_t{24} * 3600 * kSecond);
  Pass(1);
  EXPECT_EQ(Detail(model::DegradationKind::kRestartedWithoutHistory), "");
}

// The original's connection lives: a clone that shows the very state of the original comes.
TEST_F(IdentityTest, WhoAnswersStays) {
  const Incarnation first = Live();
  const auto original = Connect(first);
  const Incarnation given = original->greetings[0].incarnation;
  Confirm(original, given);
  const auto clone = Connect(given);
  ASSERT_EQ(original->asked.size(), 1u);
  EXPECT_GT(original->asked[0].counter, given.counter);
  EXPECT_THAT(clone->greetings, IsEmpty()) << "not before it is known";
  Confirm(original, original->asked[0]);
  EXPECT_TRUE(Sent(clone).has_value());
  EXPECT_FALSE(original->ended);
  EXPECT_FALSE(clone->ended);
  EXPECT_THAT(Clone(), HasSubstr("answers"));
  // Whatever comes later with what the two had in common is the clone.
  Disconnect(original);
  EXPECT_TRUE(Sent(Connect(given)).has_value());
  EXPECT_FALSE(Sent(Connect(original->asked[0])).has_value());
}

TEST_F(IdentityTest, WhoCannotSaveAnswersAllTheSame) {
  const auto original = Connect();
  const auto clone = Connect();
  ASSERT_EQ(original->asked.size(), 1u);
  Confirm(original, {});
  EXPECT_TRUE(Sent(clone).has_value());
  EXPECT_FALSE(original->ended);
}

TEST_F(IdentityTest, WhoDoesNotAnswerIsGone) {
  const auto dead = Connect();
  const auto successor = Connect(dead->greetings[0].incarnation);
  Pass(2);
  EXPECT_FALSE(dead->ended);
  EXPECT_THAT(successor->greetings, IsEmpty());
  Pass(2);
  EXPECT_TRUE(dead->ended);
  EXPECT_FALSE(Sent(successor).has_value());
  EXPECT_EQ(Clone(), "");
}

TEST_F(IdentityTest, WhoIsHeardStillIsThere) {
  const auto busy = Connect();
  const auto newcomer = Connect();
  Pass(2);
  busy->heard = static_cast<int64_t>(clock_.BootNs());
  Pass(2);
  EXPECT_FALSE(busy->ended);
  EXPECT_TRUE(Sent(newcomer).has_value());
}

TEST_F(IdentityTest, WhoEndsWhileAskedMakesRoomAtOnce) {
  const auto old = Connect();
  const auto successor = Connect(old->greetings[0].incarnation);
  EXPECT_THAT(successor->greetings, IsEmpty());
  Disconnect(old);
  EXPECT_FALSE(Sent(successor).has_value());
  EXPECT_EQ(Clone(), "");
}

TEST_F(IdentityTest, ANewcomerThatGoesLeavesNothing) {
  const auto holder = Connect();
  const auto newcomer = Connect();
  Disconnect(newcomer);
  Pass(5);
  EXPECT_FALSE(holder->ended);
  EXPECT_THAT(newcomer->greetings, IsEmpty());
  EXPECT_EQ(Clone(), "");
}

TEST_F(IdentityTest, OfTwoNewcomersTheLaterWaits) {
  const auto dead = Connect();
  const auto first = Connect();
  const auto second = Connect();
  EXPECT_TRUE(first->ended);
  EXPECT_EQ(dead->asked.size(), 1u);
  Pass(4);
  EXPECT_FALSE(Sent(second).has_value());
}

TEST_F(IdentityTest, TheStoppingCollectorEndsTheNewcomerToo) {
  Connect();
  const auto newcomer = Connect();
  loop_->Stop();
  EXPECT_TRUE(newcomer->ended);
}

TEST_F(IdentityTest, TheBootOfItsOwnIsSuspectedToo) {
  const auto original = Connect();
  const auto clone = Connect();
  Confirm(original, original->asked.at(0));
  const auto assumed = Sent(clone);
  ASSERT_TRUE(assumed.has_value());
  const auto moved = LoopTest::Connect(*assumed, "gw");
  Pass(0);
  EXPECT_FALSE(Sent(moved).has_value());
  EXPECT_THAT(Clone(assumed), HasSubstr("boot of its own"));
  auto reader = store_->BorrowReader();
  const auto machine = reader->GetHost(host_.machine);
  ASSERT_TRUE(machine.ok()) << machine.status();
  ASSERT_EQ(machine->boots.size(), 2u);
  EXPECT_EQ(machine->boots[0].host, host_) << "shown as the original";
  // For as long as it is connected, and the other for a day.
  Pass(20);
  clock_.AdvanceNs(int64_t{24} * 3600 * kSecond);
  original->heard = moved->heard = static_cast<int64_t>(clock_.BootNs());
  Pass(1);
  EXPECT_THAT(Clone(assumed), HasSubstr("boot of its own"));
}

TEST_F(IdentityTest, TheSuspicionEndsADayLaterAndOutlivesTheCollector) {
  const Incarnation first = Live();
  Live(first);
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

TEST_F(IdentityTest, WhoeverIsLoggedInIsSuspected) {
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

TEST_F(IdentityTest, WhoLogsInLaterIsSuspectedThen) {
  const auto original = Connect();
  Connect();
  Confirm(original, original->asked.at(0));
  Pass(5);
  EXPECT_THAT(Detections(), IsEmpty());
  LogIn(original);
  Pass(1);
  EXPECT_EQ(Detections().size(), 1u);
}

// Records of an earlier boot of the same machine: the agent of that boot may be up, on the machine
// that the disk was copied from.
TEST_F(IdentityTest, ABacklogIsTakenUnlessSomebodySpeaksForIt) {
  Live();
  auto backlog = std::make_shared<FakeAgent>(&clock_);
  bus::StreamOpened opened{host_, "gw", backlog};
  opened.backlog = true;
  ASSERT_TRUE(bus_->Publish(opened));
  Pass(0);
  EXPECT_FALSE(Sent(backlog).has_value());
  EXPECT_TRUE(backlog->greetings[0].incarnation.empty());
  EXPECT_EQ(Detail(model::DegradationKind::kRestartedWithoutHistory), "");
  Disconnect(backlog);

  const auto original = Connect();
  opened.sink = backlog = std::make_shared<FakeAgent>(&clock_);
  ASSERT_TRUE(bus_->Publish(opened));
  Pass(0);
  Confirm(original, original->asked.at(0));
  EXPECT_TRUE(Sent(backlog).has_value());
  EXPECT_FALSE(original->ended);
}

}  // namespace
}  // namespace hoptrail::collector::engine
