// When events are tried again: DeliverySchedule behind PagerDuty.

#include "collector/notify/pagerduty/delivery_schedule.h"

#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/notify/pagerduty/pagerduty_fixture.h"

namespace hoptrail::collector::notify {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class DeliveryScheduleTest : public PagerDutyFixture {};

TEST_F(DeliveryScheduleTest, RefusedEvent_DelaysNoOtherAndIsReducedToItsTitle) {
  WriteOdd();
  server_.AnswerAllWith(kOdd, 400, kRefusal);
  EXPECT_TRUE(Send());
  Write(Incident(2));
  Write(Incident(3));
  EXPECT_TRUE(Send()) << "at once";
  EXPECT_TRUE(Send());
  EXPECT_EQ(Waiting(), 1);
  EXPECT_EQ(SendFor(12), 3);
  EXPECT_EQ(Waiting(), 0);
  std::vector<std::string> odd;
  for (size_t i = 0; i < server_.bodies().size(); ++i) {
    if (Sent(i, "dedup_key") == Sent(0, "dedup_key")) odd.push_back(server_.bodies()[i]);
  }
  ASSERT_THAT(odd, SizeIs(4));
  EXPECT_THAT(odd[2], HasSubstr("custom_details"));
  EXPECT_THAT(odd[3], Not(HasSubstr("custom_details")));
  EXPECT_THAT(odd[3], HasSubstr("staff from 192.0.2.9"));
}

TEST_F(DeliveryScheduleTest, EventThatIsAlwaysRefused_IsTriedAtASlowRate) {
  for (int i = 0; i < 1000; ++i) server_.Answer(400, "", kRefusal);
  Write();
  EXPECT_GE(SendFor(600), 8);
  const int in_a_day_and_a_half = SendFor(36 * 3600);
  EXPECT_GE(in_a_day_and_a_half, 36 * 4) << "it never gives up";
  EXPECT_LE(in_a_day_and_a_half, 36 * 8);
  EXPECT_EQ(Waiting(), 1);
}

TEST_F(DeliveryScheduleTest, Outage_IsProbedWithOneEventAtATime) {
  for (uint8_t i = 1; i <= 30; ++i) Write(Incident(i));
  for (int i = 0; i < 10'000; ++i) server_.Answer(503, "", kLoginPage);
  const int first_hour = SendFor(3600);
  EXPECT_LE(first_hour, 25) << "one probe of the service, not thirty";
  EXPECT_GE(first_hour, 10);
  EXPECT_EQ(Waiting(), 30);
  server_.Forget();
  EXPECT_EQ(SendFor(15 * 60), 30) << "all of them once it is back";
  EXPECT_EQ(Waiting(), 0);
}

// A filter in the network refuses the text of one event.
TEST_F(DeliveryScheduleTest, FailureOfOneEvent_DelaysNoOther) {
  WriteOdd();
  server_.AnswerAllWith(kOdd, 403, kLoginPage);
  EXPECT_TRUE(Send());
  for (uint8_t i = 2; i <= 9; ++i) {
    Write(Incident(i));
    clock_.AdvanceNs(2 * kSecond);
    while (Send()) {
    }
    EXPECT_LE(Waiting(), 1) << "at most the odd one";
    EXPECT_EQ(Sent(server_.bodies().size() - 1, "dedup_key").substr(0, 11), "incidents/0");
  }
  SendFor(60);
  EXPECT_EQ(Waiting(), 0) << "it was sent as its title";
}

TEST_F(DeliveryScheduleTest, NewPageInALongOutage_IsTriedBeforeTheNextProbe) {
  for (int i = 0; i < 1000; ++i) server_.Answer(503, "", "");
  Write();
  SendFor(3600);
  server_.Forget();
  const size_t before = server_.bodies().size();
  Write(Incident(2));
  SendFor(31);
  ASSERT_GT(server_.bodies().size(), before);
  EXPECT_EQ(Waiting(), 0) << "and so is the one that waited";
}

// The engine cannot write, and so cannot release the page.
TEST_F(DeliveryScheduleTest, HeldPage_IsSentAfterAMinute) {
  ASSERT_TRUE(store_->Write({.incidents = {incident_}}, kNow).ok());
  EXPECT_EQ(SendFor(58), 0);
  EXPECT_EQ(SendFor(4), 1);
  EXPECT_EQ(Waiting(), 0);
  ASSERT_TRUE(store_->ReleasePages({kNow, kNow}, 0).ok());
  EXPECT_EQ(SendFor(2), 0) << "once";
}

TEST_F(DeliveryScheduleTest, RetryAfter_IsHonoured) {
  server_.Answer(429, "Retry-After: 7\r\n");
  server_.Answer(503, "Retry-After: 100000\r\n", "");
  Write();
  EXPECT_TRUE(Send());
  clock_.AdvanceNs(6'900'000'000);
  EXPECT_FALSE(Send());
  clock_.AdvanceNs(200'000'000);
  EXPECT_TRUE(Send());
  EXPECT_EQ(server_.bodies().size(), 2u);
  EXPECT_EQ(SendFor(15 * 60 - 2), 0);
  EXPECT_EQ(SendFor(4), 1) << "no longer than the longest back-off";
}

TEST_F(DeliveryScheduleTest, BackOff_GrowsAndARestartTriesAtOnce) {
  for (int i = 0; i < 6; ++i) server_.Answer(500);
  Write();
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(Send());
    EXPECT_FALSE(Send()) << "not at once";
    // The wait is between a half and the whole of 2^i seconds.
    clock_.AdvanceNs((int64_t{1} << i) * 490'000'000);
    EXPECT_FALSE(Send());
    clock_.AdvanceNs((int64_t{1} << i) * 520'000'000);
  }
  EXPECT_TRUE(Send());
  EXPECT_FALSE(Send());
  Make();
  EXPECT_TRUE(Send());
  EXPECT_EQ(Waiting(), 0);
  EXPECT_EQ(server_.bodies().size(), 7u);
}

TEST_F(DeliveryScheduleTest, WallClockThatIsSet_MovesNoAttempt) {
  server_.Answer(500);
  Write();
  EXPECT_TRUE(Send());
  clock_.StepWallNs(-3600 * kSecond);
  EXPECT_EQ(SendFor(2), 1);
  EXPECT_EQ(Waiting(), 0);
  server_.Answer(500);
  server_.Answer(500);
  Write(Incident(2));
  EXPECT_TRUE(Send());
  clock_.StepWallNs(7200 * kSecond);
  EXPECT_FALSE(Send()) << "nor is an attempt made earlier";
}

}  // namespace
}  // namespace hoptrail::collector::notify
