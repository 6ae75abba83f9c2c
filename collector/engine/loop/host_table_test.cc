// Machines and their boots, and what their silence means.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/loop/loop_fixture.h"
#include "collector/store/views.h"
#include "core/wire/resource_names.h"
#include "core/wire/testing.h"

namespace hoptrail::collector::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class HostTableTest : public LoopTest {
 protected:
  static constexpr int kDaySeconds = 24 * 3600;

  static model::HostId Boot(uint8_t number) {
    model::HostId host = wire::TestHost();
    host.boot.bytes[1] = number;
    return host;
  }
  static model::HostId Machine() { return {wire::TestHost().machine, {}}; }

  // Connects a boot on which somebody is logged in.
  std::shared_ptr<FakeAgent> Start(uint8_t number) {
    auto agent = agents_[number] = Connect(Boot(number), "gw");
    EXPECT_TRUE(bus_->Publish(bus::FactBatch{Boot(number), agent, {1}, {LoginOn(Boot(number))}}));
    Pass(0);
    return agent;
  }
  void Break(uint8_t number, const std::shared_ptr<FakeAgent>& agent) {
    ASSERT_TRUE(bus_->Publish(bus::StreamClosed{Boot(number), agent}));
    Pass(0);
  }
  // Passes seconds in which the agents of these boots send something.
  void PassHearing(int seconds, const std::vector<uint8_t>& boots) {
    for (int i = 0; i < seconds; ++i) {
      for (const uint8_t number : boots) {
        const auto& agent = agents_.at(number);
        agent->last_message_boot_ns = static_cast<int64_t>(clock_.BootNs()) + kSecond;
        EXPECT_TRUE(bus_->Publish(bus::FactBatch{Boot(number), agent, {}, {}}));
      }
      Pass(1);
    }
  }
  store::HostView Shown() {
    auto host = store_->BorrowReader()->GetHost(Machine().machine);
    EXPECT_TRUE(host.ok()) << host.status();
    return host.ok() ? *host : store::HostView();
  }
  size_t Listed() { return store_->BorrowReader()->ListHosts({}, std::nullopt, 100)->items.size(); }
  std::map<uint8_t, std::shared_ptr<FakeAgent>> agents_;
  std::vector<model::Detection> Detections() { return store_->LoadSnapshot()->detections; }
  absl::Status Remove(const model::HostId& host) {
    absl::Status status = absl::UnknownError("not answered");
    EXPECT_TRUE(loop_->TryPush(
        RemoveHostRequest{host, "olga", [&status](absl::Status s) { status = std::move(s); }}));
    Pass(0);
    return status;
  }
};

TEST_F(HostTableTest, OlderBootAfterAReboot_IsDisconnectedAndNeverSilent) {
  auto first = Start(1);
  Break(1, first);
  Pass(5);
  auto second = Start(2);
  PassHearing(200, {2});
  const store::HostView host = Shown();
  EXPECT_EQ(host.state, store::HostState::kConnected);
  ASSERT_EQ(host.boots.size(), 2u);
  EXPECT_EQ(host.boots[0].host, Boot(2));
  EXPECT_EQ(host.boots[1].state, store::HostState::kDisconnected);
  EXPECT_EQ(Listed(), 1u);
  EXPECT_THAT(Detections(), IsEmpty()) << "it came back within the heartbeat timeout";
  Close();
  Open();
  Pass(200);
  EXPECT_EQ(Shown().boots[1].state, store::HostState::kDisconnected);
  EXPECT_EQ(Shown().state, store::HostState::kSilent) << "the newest boot is silent";
}

TEST_F(HostTableTest, StreamThatBreaksOnlyAfterTheReboot_IsNoSilence) {
  auto first = Start(1);
  Pass(6);
  auto second = Start(2);
  PassHearing(15, {2});
  EXPECT_THAT(Detections(), IsEmpty()) << "the stream still seems to be open";
  Break(1, first);
  PassHearing(30, {2});
  EXPECT_THAT(Detections(), IsEmpty());
  EXPECT_THAT(Shown().degradations, IsEmpty());
}

TEST_F(HostTableTest, RebootLongerThanTheTimeout_IsAddedToTheDetection) {
  auto first = Start(1);
  Break(1, first);
  Pass(100);
  ASSERT_THAT(Detections(), SizeIs(1));
  EXPECT_THAT(Detections()[0].summary, Not(HasSubstr("come back")));
  EXPECT_EQ(Shown().state, store::HostState::kSilent);
  auto second = Start(2);
  PassHearing(20, {2});
  ASSERT_THAT(Detections(), SizeIs(1));
  EXPECT_THAT(Detections()[0].summary, HasSubstr("the machine has come back since"));
  EXPECT_EQ(Shown().state, store::HostState::kConnected);
  EXPECT_EQ(Shown().boots[1].state, store::HostState::kDisconnected);
}

TEST_F(HostTableTest, BootsUpAtTheSameTime_AreSuspectedClonesAndBothWatched) {
  auto first = Start(1);
  auto second = Start(2);
  PassHearing(30, {1, 2});
  store::HostView host = Shown();
  ASSERT_EQ(host.boots.size(), 2u);
  for (const store::BootView& boot : host.boots)
    EXPECT_EQ(boot.state, store::HostState::kConnected);
  EXPECT_FALSE(first->ended);
  EXPECT_FALSE(second->ended);
  ASSERT_THAT(host.degradations, SizeIs(1));
  EXPECT_EQ(host.degradations[0].kind, model::DegradationKind::kCloneSuspected);
  // The original becomes silent: that its copy is up does not excuse it.
  PassHearing(30, {2});
  ASSERT_THAT(Detections(), SizeIs(1));
  EXPECT_EQ(Detections()[0].host, Boot(1));
  Break(1, first);
  PassHearing(2, {2});
  EXPECT_THAT(Shown().degradations, IsEmpty());
}

TEST_F(HostTableTest, SuspectedCloneAfterRestart_IsSuspectedOnlyIfStillConnected) {
  Start(1);
  Start(2);
  PassHearing(5, {1, 2});
  ASSERT_THAT(Shown().degradations, SizeIs(1));
  Close();
  Open();
  agents_[2] = Connect(Boot(2), "gw");
  PassHearing(5, {2});
  EXPECT_THAT(Shown().degradations, IsEmpty());
  agents_[1] = Connect(Boot(1), "gw");
  PassHearing(5, {1, 2});
  EXPECT_THAT(Shown().degradations, SizeIs(1));
}

TEST_F(HostTableTest, RemovedHost_LeavesTheListAndItsSessionsStay) {
  auto first = Start(1);
  Break(1, first);
  auto second = Start(2);
  EXPECT_EQ(Remove(Machine()).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Remove(Boot(2)).code(), absl::StatusCode::kFailedPrecondition);
  testing::internal::CaptureStderr();
  EXPECT_TRUE(Remove(Boot(1)).ok());
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("audit: olga removed " + wire::ResourceName(Boot(1))));
  EXPECT_EQ(Remove(Boot(1)).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Shown().boots.size(), 1u);
  second->goodbye = true;
  Break(2, second);
  EXPECT_TRUE(Remove(Machine()).ok());
  EXPECT_EQ(Listed(), 0u);
  Pass(200);
  EXPECT_EQ(Listed(), 0u) << "it does not reappear as SILENT";
  const model::SessionId session = LoginOn(Boot(1)).id;
  EXPECT_EQ(store_->BorrowReader()->GetSession(session)->host_name, "gw");
  Close();
  Open();
  Pass(5);
  EXPECT_EQ(Listed(), 0u);
  EXPECT_NE(engine_->FindSession(session), nullptr);
  EXPECT_EQ(engine_->host_names().Name(Boot(1)), "gw");
  auto again = Connect(Boot(2), "gw");
  Pass(1);
  EXPECT_EQ(Listed(), 1u);
  EXPECT_EQ(again->acknowledged, 1u) << "its facts are still durable";
}

TEST_F(HostTableTest, HostSilentForTheRetentionTime_LeavesTheList) {
  auto first = Start(1);
  Break(1, first);
  Pass(1);
  auto second = agents_[2] = Connect(Boot(2), "gw");
  PassHearing(5, {2});
  clock_.AdvanceNs(31LL * kDaySeconds * kSecond);
  PassHearing(70, {2});
  EXPECT_EQ(Shown().boots.size(), 1u) << "the boot that ended has left";
  EXPECT_EQ(Shown().state, store::HostState::kConnected);
  second->goodbye = true;
  Break(2, second);
  clock_.AdvanceNs(31LL * kDaySeconds * kSecond);
  Pass(70);
  EXPECT_EQ(Listed(), 0u) << "the host has left";
  auto rows = store_->LoadHosts();
  ASSERT_THAT(*rows, SizeIs(1)) << "the boot with an open session is kept for it";
  EXPECT_EQ(rows->front().host, Boot(1));
  EXPECT_EQ(engine_->host_names().Name(Boot(2)), "");
}

}  // namespace
}  // namespace hoptrail::collector::engine
