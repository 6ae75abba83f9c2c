#include "collector/engine/loop/claim_throttle.h"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "collector/engine/loop/loop_fixture.h"
#include "collector/engine/story_for_test.h"

namespace hoptrail::collector::engine {
namespace {

class CountingAgent : public FakeAgent {
 public:
  using FakeAgent::FakeAgent;
  void OnConsumed() override { ++consumed; }
  void Acknowledge(uint64_t sequence) override { acknowledged_now = sequence; }

  int consumed = 0;
  uint64_t acknowledged_now = 0;
};

class ClaimThrottleTest : public LoopTest {
 protected:
  void SetUp() override {
    LoopTest::SetUp();
    story_.AddHost("eve");
    session_ = story_.MakeSession("eve", "mallory", 1);
    agent_ = std::make_shared<CountingAgent>(&clock_);
    ASSERT_TRUE(bus_->Publish(bus::StreamOpened{Story::Host("eve"), "eve", agent_, 0, {}}));
    Send({session_});
    ASSERT_EQ(agent_->consumed, 2) << "the stream's beginning, and the session";
  }
  void Send(std::vector<model::Fact> facts) {
    agent_->last_message_boot_ns = static_cast<int64_t>(clock_.BootNs());
    bus::FactBatch batch{Story::Host("eve"), agent_, {}, std::move(facts)};
    for (size_t i = 0; i < batch.facts.size(); ++i) batch.sequences.push_back(++sequence_);
    ASSERT_TRUE(bus_->Publish(std::move(batch)));
    Pass(0);
  }
  std::vector<model::Fact> Detections(int count) {
    std::vector<model::Fact> facts;
    for (int i = 0; i < count; ++i) {
      model::Detection detection;
      detection.rule = "pivot";
      detection.severity = model::Severity::kInfo;
      detection.session = session_.id;
      detection.host = session_.host;
      detection.session_process = session_.first_process;
      detection.occurrence = std::to_string(next_++);
      detection.id = model::DeriveDetectionId("pivot", session_.id, detection.occurrence);
      facts.push_back(detection);
    }
    return facts;
  }
  size_t Floods() const {
    size_t floods = 0;
    auto snapshot = store_->LoadSnapshot();
    EXPECT_TRUE(snapshot.ok());
    for (const model::Detection& each : snapshot->detections) floods += each.rule == "claim-flood";
    return floods;
  }

  Story story_;
  model::Session session_;
  std::shared_ptr<CountingAgent> agent_;
  uint64_t sequence_ = 0;
  int next_ = 0;
};

TEST_F(ClaimThrottleTest, FloodOfDetections_WaitsUntilItsTimeHasPassedAndIsADetection) {
  Send(Detections(1000));
  EXPECT_EQ(agent_->consumed, 3);
  EXPECT_EQ(Floods(), 0u);
  Send(Detections(50));
  EXPECT_EQ(agent_->consumed, 3) << "the stream is not read on";
  EXPECT_EQ(agent_->acknowledged_now, sequence_) << "nothing is lost";
  EXPECT_EQ(Floods(), 1u);
  Pass(8);
  EXPECT_EQ(agent_->consumed, 3);
  EXPECT_FALSE(agent_->ended);
  Pass(4);  // 50 detections at 5 a second
  EXPECT_EQ(agent_->consumed, 4);
  Send(Detections(20));
  EXPECT_EQ(Floods(), 1u) << "one an hour";
}

TEST_F(ClaimThrottleTest, KnownFactsSentAgain_CostNothing) {
  const std::vector<model::Fact> facts = Detections(900);
  Send(facts);
  for (int i = 0; i < 5; ++i) Send(facts);
  EXPECT_EQ(agent_->consumed, 8);
}

TEST_F(ClaimThrottleTest, SessionsBeyondTheBudget_WaitForItsRate) {
  ClaimThrottle throttle;
  std::vector<model::Fact> facts(static_cast<size_t>(ClaimThrottle::kSessions.burst) + 400,
                                 session_);
  for (size_t i = 0; i < facts.size(); ++i) {
    auto& session = std::get<model::Session>(facts[i]);
    session.first_process = {7, i + 1};
    session.id = model::DeriveSessionId(session.host, session.first_process);
  }
  const auto verdict = throttle.Charge(*engine_, session_.host.machine, facts, 5);
  EXPECT_EQ(verdict.wait_ns, 2 * kSecond);
  EXPECT_EQ(verdict.kind, ClaimKind::kSessions);
  EXPECT_EQ(verdict.session, std::get<model::Session>(facts.back()).id);
  model::MachineId other;
  other.bytes[3] = 9;
  EXPECT_EQ(throttle.Charge(*engine_, other, absl::MakeConstSpan(facts).first(10), 5).wait_ns, 0);
}

}  // namespace
}  // namespace hoptrail::collector::engine
