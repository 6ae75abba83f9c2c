// Somebody with a host's certificate uses up its sequence numbers.

#include "collector/engine/loop/sequence_bound.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/loop/loop_fixture.h"
#include "core/wire/testing.h"

namespace hoptrail::collector::engine {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kAlways = SequenceBound::kAlwaysAccepted;
constexpr uint64_t kStream = SequenceBound::kPerStream;
constexpr uint64_t kEachSecond = SequenceBound::kPerSecond;

class SequenceBoundTest : public LoopTest {
 protected:
  std::shared_ptr<FakeAgent> Start() {
    auto agent = Connect(host_, "gw");
    Pass(0);
    return agent;
  }
  void End(const std::shared_ptr<FakeAgent>& agent) {
    EXPECT_TRUE(bus_->Publish(bus::StreamClosed{host_, agent}));
    Pass(0);
  }
  // False: the collector has ended the stream.
  bool Accepts(const std::shared_ptr<FakeAgent>& agent, uint64_t sequence) {
    EXPECT_TRUE(bus_->Publish(bus::FactBatch{host_, agent, {sequence}, {LoginOn(host_)}}));
    Pass(0);
    EXPECT_EQ(agent->ended, Acknowledged() != sequence);
    return !agent->ended;
  }
  uint64_t Acknowledged() { return store_->LoadHosts()->front().acknowledged_sequence; }
  // Lets another stream begin and end, so that the host is known.
  void MakeKnown() { End(Start()); }

  const model::HostId host_ = wire::TestHost();
};

TEST_F(SequenceBoundTest, HighestNumberOfAll_EndsTheStreamAndIsShown) {
  const auto liar = Start();
  EXPECT_TRUE(Accepts(liar, 7));
  EXPECT_FALSE(Accepts(liar, INT64_MAX));
  EXPECT_EQ(liar->status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(liar->status.message()), HasSubstr("record 9223372036854775807"));
  EXPECT_THAT(std::string(liar->status.message()), HasSubstr("records up to 7 and accepts"));
  EXPECT_THAT(DetailOf(host_, model::DegradationKind::kClaimsRefused),
              HasSubstr("1 batch with sequence numbers that it cannot have reached"));
  EXPECT_EQ(Acknowledged(), 7u);
}

TEST_F(SequenceBoundTest, StreamsOfALiar_LeaveNumbersForTheHost) {
  MakeKnown();
  uint64_t highest = kAlways + kStream;
  for (int i = 0; i < 50; ++i) {
    const auto liar = Start();
    ASSERT_FALSE(Accepts(liar, highest + 1)) << i;
    End(liar);
    const auto again = Start();
    ASSERT_TRUE(Accepts(again, highest)) << i;
    End(again);
    highest += kStream;
  }
  const auto host = Start();
  EXPECT_EQ(host->acknowledged, highest - kStream);
  EXPECT_LT(host->acknowledged, uint64_t{1} << 49) << "2^62 is where an agent gives up";
  EXPECT_TRUE(Accepts(host, host->acknowledged + 1));
}

TEST_F(SequenceBoundTest, SpoolThatBeganAnewAfterYears_IsAccepted) {
  MakeKnown();
  const auto before = Start();
  ASSERT_TRUE(Accepts(before, 1000));
  End(before);
  const uint64_t eight_years_us = 8ull * 365 * 24 * 3600 * 1'000'000;
  EXPECT_TRUE(Accepts(Start(), eight_years_us)) << "it begins at the boot time in microseconds";
}

TEST_F(SequenceBoundTest, OlderStoreOfTheCollector_AcceptsWhatTheHostReachedSince) {
  MakeKnown();
  const auto host = Start();
  uint64_t reached = kAlways + kStream;  // the numbers of its boot time are used up
  ASSERT_TRUE(Accepts(host, reached));
  End(host);
  const std::string backup = directory_ + "-backup";
  Close();
  std::filesystem::copy(directory_, backup);
  Open();
  clock_.AdvanceNs(3600 * kSecond);
  reached += 3600 * kEachSecond;
  ASSERT_TRUE(Accepts(Start(), reached));
  Close();
  std::filesystem::remove_all(directory_);
  std::filesystem::rename(backup, directory_);
  Open();
  const auto again = Start();
  EXPECT_LT(again->acknowledged, reached);
  EXPECT_TRUE(Accepts(again, reached + 1));
}

TEST_F(SequenceBoundTest, HostThatTheStoreDoesNotKnow_MayHaveReachedMore) {
  EXPECT_TRUE(Accepts(Start(), 2 * kAlways + kStream));
}

TEST_F(SequenceBoundTest, LongStream_GainsNumbersWithTime) {
  MakeKnown();
  const auto host = Start();
  ASSERT_TRUE(Accepts(host, kAlways + kStream));
  Pass(10);
  EXPECT_TRUE(Accepts(host, kAlways + kStream + 10 * kEachSecond));
  EXPECT_FALSE(Accepts(host, kAlways + kStream + 10 * kEachSecond + 1));
}

TEST(SequenceBoundArithmeticTest, AnyTimes_StayWithinTheRange) {
  for (const uint64_t applied :
       {uint64_t{0}, kAlways, uint64_t{INT64_MAX} - 1, uint64_t{INT64_MAX}}) {
    for (const int64_t since : {INT64_MIN, int64_t{-1}, int64_t{0}, int64_t{1}, INT64_MAX}) {
      for (const int64_t now : {int64_t{0}, int64_t{1}, INT64_MAX}) {
        const uint64_t highest = SequenceBound(applied, since).Highest(now);
        EXPECT_LE(highest, uint64_t{INT64_MAX});
        EXPECT_GE(highest, applied);
      }
    }
  }
}

}  // namespace
}  // namespace hoptrail::collector::engine
