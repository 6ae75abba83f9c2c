// When the silence of an agent becomes a detection.

#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/loop/loop_fixture.h"
#include "core/wire/testing.h"

namespace hoptrail::collector::engine {
namespace {

class HeartbeatMonitorTest : public LoopTest {
 protected:
  static model::HostId Host(uint8_t number) {
    model::HostId host = wire::TestHost();
    host.machine.bytes[1] = number;
    return host;
  }

  // `occupied`: the agent reports that somebody is logged in.
  std::shared_ptr<FakeAgent> Connect(uint8_t number, bool occupied = true) {
    auto agent = LoopTest::Connect(Host(number), "gw");
    if (occupied) {
      EXPECT_TRUE(bus_->Publish(bus::FactBatch{Host(number), agent, {1}, {LoginOn(Host(number))}}));
    }
    Pass(0);
    return agent;
  }

  std::vector<model::Detection> Detections() {
    auto snapshot = store_->LoadSnapshot();
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    return snapshot->detections;
  }
};

TEST_F(HeartbeatMonitorTest, SilenceWhileSomebodyIsLoggedIn_IsOneDetection) {
  const auto agent = Connect(1);
  Pass(8);
  EXPECT_TRUE(Detections().empty());
  Pass(4);
  ASSERT_EQ(Detections().size(), 1u);
  EXPECT_EQ(Detections()[0].rule, "blinding");
  EXPECT_EQ(Detections()[0].session, LoginOn(Host(1)).id);
  EXPECT_EQ(Detections()[0].evidence.at("kind"), "silent");
  const int64_t emitted = Detections()[0].wall_ns;
  Pass(20);
  EXPECT_EQ(Detections()[0].wall_ns, emitted) << "emitted once";
  agent->last_message_boot_ns = static_cast<int64_t>(clock_.BootNs());
  Pass(15);
  ASSERT_EQ(Detections().size(), 1u);
  EXPECT_GT(Detections()[0].wall_ns, emitted) << "emitted again for another silence";
}

TEST_F(HeartbeatMonitorTest, BrokenStream_IsADetection) {
  const auto agent = Connect(1);
  ASSERT_TRUE(bus_->Publish(bus::StreamClosed{Host(1), agent}));
  Pass(12);
  ASSERT_EQ(Detections().size(), 1u);
  EXPECT_THAT(Detections()[0].summary, testing::HasSubstr("its connection was broken"));
  EXPECT_EQ(Detections()[0].severity, model::Severity::kMedium);
}

// Its processes ended, and the machine runs.
TEST_F(HeartbeatMonitorTest, BrokenStreamWhileNobodyIsLoggedIn_IsAMediumDetection) {
  const auto agent = Connect(1, false);
  ASSERT_TRUE(bus_->Publish(bus::StreamClosed{Host(1), agent}));
  Pass(12);
  ASSERT_EQ(Detections().size(), 1u);
  EXPECT_EQ(Detections()[0].severity, model::Severity::kMedium);
  EXPECT_EQ(Detections()[0].host, Host(1));
  EXPECT_THAT(Detections()[0].summary, testing::HasSubstr("nobody was logged in on gw"));
}

TEST_F(HeartbeatMonitorTest, BrokenStreamThatReconnectsInTime_IsNoDetection) {
  const auto agent = Connect(1);
  ASSERT_TRUE(bus_->Publish(bus::StreamClosed{Host(1), agent}));
  Pass(5);
  const auto again = Connect(1, false);
  for (int i = 0; i < 20; ++i) {
    again->last_message_boot_ns = static_cast<int64_t>(clock_.BootNs());
    Pass(1);
  }
  EXPECT_TRUE(Detections().empty());
}

TEST_F(HeartbeatMonitorTest, StreamClosedAfterGoodbye_IsNoDetection) {
  const auto agent = Connect(1);
  agent->goodbye = true;
  ASSERT_TRUE(bus_->Publish(bus::StreamClosed{Host(1), agent}));
  Pass(60);
  EXPECT_TRUE(Detections().empty());
}

TEST_F(HeartbeatMonitorTest, GoodbyeCausedByALogin_IsADetection) {
  const auto agent = Connect(1);
  const model::SessionId session = LoginOn(Host(1)).id;
  const model::Goodbye goodbye{model::StopCause::kProcess, "signal 15 from kill", session};
  ASSERT_TRUE(bus_->Publish(bus::AgentStopping{Host(1), agent, goodbye}));
  Pass(0);
  ASSERT_EQ(Detections().size(), 1u);
  EXPECT_EQ(Detections()[0].session, session);
  EXPECT_THAT(Detections()[0].summary, testing::HasSubstr("signal 15 from kill"));
}

TEST_F(HeartbeatMonitorTest, GoodbyeOfAReplacedStream_IsNoDetection) {
  const auto old = Connect(1);
  const auto present = Connect(1, false);
  Pass(4);
  ASSERT_TRUE(old->ended) << "it did not answer";
  const model::Goodbye goodbye{model::StopCause::kProcess, "", {}};
  ASSERT_TRUE(bus_->Publish(bus::AgentStopping{Host(1), old, goodbye}));
  Pass(0);
  EXPECT_TRUE(Detections().empty());
}

TEST_F(HeartbeatMonitorTest, CutNetworkWhileNobodyIsLoggedIn_IsNoDetectionForTwiceTheTimeout) {
  const auto agent = Connect(1, false);
  Pass(18);
  agent->last_message_boot_ns = static_cast<int64_t>(clock_.BootNs());
  Pass(18);
  EXPECT_TRUE(Detections().empty());
  Pass(4);
  EXPECT_EQ(Detections().size(), 1u);
}

// The power or the network may be the cause.
TEST_F(HeartbeatMonitorTest, SilenceWhileNobodyIsLoggedIn_IsALowDetection) {
  const auto agent = Connect(1, false);
  Pass(60);
  ASSERT_EQ(Detections().size(), 1u);
  EXPECT_EQ(Detections()[0].severity, model::Severity::kLow);
}

TEST_F(HeartbeatMonitorTest, RackWithoutNetwork_IsLowWhereNobodyIsLoggedIn) {
  std::vector<std::shared_ptr<FakeAgent>> rack, others;
  for (uint8_t i = 1; i <= 5; ++i) rack.push_back(Connect(i, false));
  for (uint8_t i = 10; i < 40; ++i) others.push_back(Connect(i, false));
  for (size_t i = 0; i < 25; ++i) {
    for (const auto& each : others) {
      each->last_message_boot_ns = static_cast<int64_t>(clock_.BootNs());
    }
    if (i < rack.size()) {
      ASSERT_TRUE(bus_->Publish(bus::StreamClosed{Host(static_cast<uint8_t>(i + 1)), rack[i]}));
    }
    Pass(1);
  }
  ASSERT_EQ(Detections().size(), rack.size());
  for (const model::Detection& each : Detections()) {
    EXPECT_EQ(each.severity, model::Severity::kLow) << each.summary;
  }
}

TEST_F(HeartbeatMonitorTest, DelayOfTheCollector_IsNoDetection) {
  const auto agent = Connect(1);
  Pass(2);
  clock_.AdvanceNs(60 * kSecond);  // for example, its disk was slow
  Pass(5);
  EXPECT_TRUE(Detections().empty());
}

TEST_F(HeartbeatMonitorTest, SteppedWallClock_ChangesNoState) {
  const auto state = [&] {
    auto hosts = store_->LoadHosts();
    EXPECT_TRUE(hosts.ok()) << hosts.status();
    return hosts->empty() ? store::HostState::kUnknown : (*hosts)[0].state;
  };
  const auto agent = Connect(1);
  clock_.StepWallNs(7 * 24 * 3600 * kSecond);
  Pass(5);
  EXPECT_EQ(state(), store::HostState::kConnected);
  EXPECT_TRUE(Detections().empty());
  clock_.StepWallNs(-14 * 24 * 3600 * kSecond);
  Pass(70);
  EXPECT_EQ(state(), store::HostState::kSilent);
}

TEST_F(HeartbeatMonitorTest, ManySilentAgentsAtOnce_AreNoDetection) {
  std::vector<std::shared_ptr<FakeAgent>> agents;
  for (uint8_t i = 1; i <= 8; ++i) agents.push_back(Connect(i));
  Pass(30);
  EXPECT_TRUE(Detections().empty());
}

}  // namespace
}  // namespace hoptrail::collector::engine
