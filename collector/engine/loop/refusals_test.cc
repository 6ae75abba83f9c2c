// Facts that their host may not claim: counted, shown, acknowledged.

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/loop/loop_fixture.h"
#include "core/wire/testing.h"

namespace hoptrail::collector::engine {
namespace {

using ::testing::HasSubstr;

class RefusalsTest : public LoopTest {
 protected:
  static constexpr int kDaySeconds = 24 * 3600;

  void Send(std::vector<model::Fact> facts) {
    std::vector<uint64_t> sequences;
    for (size_t i = 0; i < facts.size(); ++i) sequences.push_back(++sequence_);
    EXPECT_TRUE(bus_->Publish(bus::FactBatch{host_, agent_, sequences, std::move(facts)}));
    Pass(0);
  }
  // Sessions under ids that another host's will have.
  std::vector<model::Fact> Stolen(int count) {
    std::vector<model::Fact> facts;
    for (int i = 0; i < count; ++i) {
      model::HostId other = host_;
      other.machine.bytes[7] = 7;
      model::Session session = LoginOn(other, ++number_);
      session.host = host_;
      facts.emplace_back(session);
    }
    return facts;
  }
  std::string Refused() { return DetailOf(host_, model::DegradationKind::kClaimsRefused); }
  // Rounds without a tick between them.
  void Skip(int64_t seconds) {
    clock_.AdvanceNs(seconds * kSecond);
    Pass(0);
  }

  const model::HostId host_ = wire::TestHost();
  std::shared_ptr<FakeAgent> agent_;
  uint64_t sequence_ = 0;
  uint8_t number_ = 0;
};

TEST_F(RefusalsTest, RefusedFacts_AreAcknowledgedCountedAndShown) {
  agent_ = Connect(host_, "eve");
  Send({LoginOn(host_)});
  EXPECT_EQ(Refused(), "");
  Send(Stolen(3));
  EXPECT_EQ(Refused(), "the collector refused 3 sessions under ids that do not derive from it");
  EXPECT_FALSE(agent_->ended) << "one wrong fact must not keep the others from the collector";
  EXPECT_EQ(store_->LoadHosts()->front().acknowledged_sequence, 4u);
  EXPECT_EQ(store_->LoadSnapshot()->sessions.size(), 1u);
  model::Detection detection = wire::TestDetection();
  detection.session = LoginOn(host_).id;
  Send({detection});
  EXPECT_THAT(Refused(), HasSubstr(", 1 detection under ids that do not derive")) << "a new reason";
}

TEST_F(RefusalsTest, FloodOfRefusals_IsShownOnlyEveryTenSeconds) {
  agent_ = Connect(host_, "eve");
  Send(Stolen(1));
  Send(Stolen(4));
  EXPECT_THAT(Refused(), HasSubstr("refused 1 session "));
  Pass(9);
  EXPECT_THAT(Refused(), HasSubstr("refused 1 session "));
  Pass(2);
  EXPECT_THAT(Refused(), HasSubstr("refused 5 sessions "));
}

TEST_F(RefusalsTest, DayWithoutARefusal_RemovesTheDegradation) {
  agent_ = Connect(host_, "eve");
  Send(Stolen(1));
  Skip(kDaySeconds / 2);
  Send(Stolen(1));
  Skip(kDaySeconds - 10);
  Pass(1);
  EXPECT_NE(Refused(), "");
  Pass(11);
  EXPECT_EQ(Refused(), "");
  Send(Stolen(1));
  EXPECT_THAT(Refused(), HasSubstr("refused 1 session ")) << "counted anew";
}

TEST_F(RefusalsTest, Restart_KeepsTheDegradationForADay) {
  agent_ = Connect(host_, "eve");
  Send(Stolen(2));
  Close();
  Open();
  Pass(60);
  EXPECT_THAT(Refused(), HasSubstr("2 sessions"));
  Skip(kDaySeconds);
  Pass(1);
  EXPECT_EQ(Refused(), "");
}

TEST_F(RefusalsTest, RefusedFacts_AreInTheLogWithTheirTotal) {
  agent_ = Connect(host_, "eve");
  testing::internal::CaptureStderr();
  Send(Stolen(2));
  Pass(1);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("2 sessions under ids that do not derive from it"));
  EXPECT_THAT(log, HasSubstr("refused 2 claims, 2 since the start"));
}

}  // namespace
}  // namespace hoptrail::collector::engine
