// When an agent that comes back is a detection.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/loop/loop_fixture.h"
#include "core/wire/testing.h"

namespace hoptrail::collector::engine {
namespace {

using model::PreviousEnd;
using testing::HasSubstr;
using testing::IsEmpty;

class AgentReturnsTest : public LoopTest {
 protected:
  static constexpr uint64_t kFirstRun = 1000;

  // The agent of the host connects, as one that was started first.
  void SetUp() override {
    LoopTest::SetUp();
    agent_ = Open({.first_sequence = kFirstRun});
    Confirm();
  }

  struct Spooled {
    uint64_t first = 0, last = 0;
  };
  std::shared_ptr<FakeAgent> Open(const model::AgentRun& run, const model::Incarnation& shown = {},
                                  Spooled spooled = {0, 0}) {
    auto agent = std::make_shared<FakeAgent>(&clock_);
    EXPECT_TRUE(bus_->Publish(bus::StreamOpened{.host = host_,
                                                .host_name = "gw",
                                                .sink = agent,
                                                .last_spooled_sequence = spooled.last,
                                                .incarnation = shown,
                                                .first_spooled_sequence = spooled.first,
                                                .run = run}));
    Pass(0);
    return agent;
  }
  void Confirm() {
    ASSERT_FALSE(agent_->greetings.empty());
    durable_ = agent_->greetings.back().incarnation;
    ASSERT_TRUE(bus_->Publish(bus::IncarnationConfirmed{host_, agent_, durable_}));
    Pass(0);
  }
  void Break() {
    ASSERT_TRUE(bus_->Publish(bus::StreamClosed{host_, agent_}));
    Pass(1);
  }
  // Records with these numbers, in one batch; the first ones are these losses.
  void Send(const std::vector<uint64_t>& sequences, std::vector<model::Loss> losses = {}) {
    bus::FactBatch batch{host_, agent_, sequences, {}};
    for (model::Loss& each : losses) {
      each.host = host_;
      batch.facts.push_back(each);
    }
    while (batch.facts.size() < sequences.size()) batch.facts.push_back(model::Coverage{host_});
    ASSERT_TRUE(bus_->Publish(std::move(batch)));
    Live(0);
  }
  // Time passes, and heartbeats come.
  void Live(int seconds) {
    Pass(0);
    for (int i = 0; i < seconds; ++i) {
      agent_->last_message_boot_ns = static_cast<int64_t>(clock_.BootNs());
      Pass(1);
    }
  }
  std::vector<model::Detection> Detections() {
    Live(20);
    auto snapshot = store_->LoadSnapshot();
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    return snapshot->detections;
  }

  const model::HostId host_ = wire::TestHost();
  std::shared_ptr<FakeAgent> agent_;
  model::Incarnation durable_;
};

TEST_F(AgentReturnsTest, BrokenStreamThatReconnectsAtOnce_IsNoDetection) {
  Break();
  agent_ = Open({.first_sequence = kFirstRun}, durable_);
  EXPECT_THAT(Detections(), IsEmpty());
}

TEST_F(AgentReturnsTest, StateLostAfterABrokenStream_IsAHighDetection) {
  Break();
  agent_ = Open({.first_sequence = 9000, .previous_end = PreviousEnd::kNoTrace});
  const auto found = Detections();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "blinding");
  EXPECT_EQ(found[0].evidence.at("kind"), "state-lost");
  EXPECT_EQ(found[0].severity, model::Severity::kHigh);
  EXPECT_THAT(found[0].summary, HasSubstr("nobody was logged in on gw"));
}

TEST_F(AgentReturnsTest, StateLostWhileTheOldStreamLooksOpen_IsAHighDetection) {
  const auto old = agent_;
  agent_ = Open({.first_sequence = 9000, .previous_end = PreviousEnd::kNoTrace});
  Pass(5);
  ASSERT_TRUE(old->ended) << "it did not answer";
  const auto found = Detections();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].severity, model::Severity::kHigh);
}

TEST_F(AgentReturnsTest, StateLostAfterAGoodbye_IsLow) {
  agent_->goodbye = true;
  Break();
  agent_ = Open({.first_sequence = 9000, .previous_end = PreviousEnd::kNoTrace});
  const auto found = Detections();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].severity, model::Severity::kLow);
}

TEST_F(AgentReturnsTest, StateLostWhileTheCollectorWasDown_IsLow) {
  Close();
  LoopTest::Open();
  agent_ = Open({.first_sequence = 9000, .previous_end = PreviousEnd::kNoTrace});
  const auto found = Detections();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].severity, model::Severity::kLow);
}

TEST_F(AgentReturnsTest, NewRunWithoutATraceOfTheLast_IsADetection) {
  Break();
  agent_ = Open({.first_sequence = 9000, .previous_end = PreviousEnd::kNoTrace}, durable_);
  const auto found = Detections();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].evidence.at("kind"), "restarted");
  EXPECT_EQ(found[0].severity, model::Severity::kHigh);
}

TEST_F(AgentReturnsTest, NewRunThatKnowsHowTheLastEnded_IsNoDetection) {
  for (const PreviousEnd end :
       {PreviousEnd::kAsked, PreviousEnd::kCutShort, PreviousEnd::kUnknown}) {
    Break();
    agent_ = Open({.first_sequence = 9000 + 10 * static_cast<uint64_t>(end), .previous_end = end},
                  durable_);
    Confirm();
  }
  EXPECT_THAT(Detections(), IsEmpty());
}

TEST_F(AgentReturnsTest, OlderAgentThatDescribesNoRun_IsNoDetection) {
  Break();
  agent_ = Open({}, durable_);
  Send({kFirstRun, kFirstRun + 7});
  EXPECT_THAT(Detections(), IsEmpty());
}

TEST_F(AgentReturnsTest, AnnouncedRecordsThatNeverCome_AreADetection) {
  Send({kFirstRun});
  Break();
  agent_ = Open({.first_sequence = kFirstRun}, durable_, {kFirstRun + 1, kFirstRun + 50});
  Confirm();
  Break();  // before it could send them
  agent_ = Open({.first_sequence = kFirstRun}, durable_, {kFirstRun + 90, kFirstRun + 90});
  Send({kFirstRun + 90});
  const auto found = Detections();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].evidence.at("kind"), "records-missing");
  EXPECT_EQ(found[0].severity, model::Severity::kMedium);
}

TEST_F(AgentReturnsTest, AnnouncedRecordsThatCome_AreNoDetection) {
  Send({kFirstRun});
  Break();
  agent_ = Open({.first_sequence = kFirstRun}, durable_, {kFirstRun + 1, kFirstRun + 2});
  Confirm();
  Break();
  agent_ = Open({.first_sequence = kFirstRun}, durable_, {kFirstRun + 1, kFirstRun + 3});
  Send({kFirstRun + 1, kFirstRun + 2, kFirstRun + 3});
  EXPECT_THAT(Detections(), IsEmpty());
}

TEST_F(AgentReturnsTest, NumbersThatAreMissingInARun_AreADetection) {
  Send({kFirstRun, kFirstRun + 1});
  Send({kFirstRun + 5});
  const auto found = Detections();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found[0].evidence.at("detail"), HasSubstr("at least 3 records"));
}

TEST_F(AgentReturnsTest, MissingNumbersThatALossExplains_AreNoDetection) {
  model::Loss loss;
  loss.where = "spool";
  loss.count = 3;
  Send({kFirstRun, kFirstRun + 1});
  Send({kFirstRun + 5});
  Live(5);
  Send({kFirstRun + 6}, {loss});
  EXPECT_THAT(Detections(), IsEmpty());
}

TEST_F(AgentReturnsTest, LossOfTheKernelSide_ExplainsNoMissingNumber) {
  model::Loss loss;
  loss.where = "ring/low";
  loss.count = 3;
  Send({kFirstRun, kFirstRun + 1});
  Send({kFirstRun + 5}, {loss});
  EXPECT_EQ(Detections().size(), 1u);
}

TEST_F(AgentReturnsTest, NumbersBetweenTwoRuns_AreNoDetection) {
  Break();
  agent_ = Open({.first_sequence = 5000, .previous_end = PreviousEnd::kCutShort}, durable_);
  Send({1001, 1002, 5000, 5001});
  EXPECT_THAT(Detections(), IsEmpty());
}

}  // namespace
}  // namespace hoptrail::collector::engine
