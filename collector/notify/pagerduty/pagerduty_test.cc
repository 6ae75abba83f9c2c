#include "collector/notify/pagerduty/pagerduty.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
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

constexpr char kOdd[] = "' OR 1=1";
constexpr char kRefusal[] =
    R"({"status":"invalid event","message":"Event object is invalid","errors":["too odd"]})";

class PagerDutyTest : public NotifyTest {
 protected:
  // An incident whose path, but not its title, says kOdd.
  void WriteOdd() {
    model::Session odd = wire::TestSession();
    odd.id.bytes[0] = 99;
    odd.user = kOdd;
    ASSERT_TRUE(store_->Write({.sessions = {odd}}, kNow).ok());
    incident_.root = odd.id;
    Write();
  }
};

constexpr char kLoginPage[] = "<html><title>Sign in to the proxy</title></html>";

TEST_F(PagerDutyTest, TriggerUpdateAcknowledgeResolveUnderOneKey) {
  Write();
  EXPECT_TRUE(Send());
  incident_.title = "grew";
  Write();
  EXPECT_TRUE(Send());
  incident_.state = model::IncidentState::kAcknowledged;
  Write();
  EXPECT_TRUE(Send());
  incident_.state = model::IncidentState::kResolved;
  Write();
  EXPECT_TRUE(Send());
  EXPECT_FALSE(Send());
  const char* kActions[] = {"trigger", "trigger", "acknowledge", "resolve"};
  ASSERT_EQ(server_.bodies().size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(Sent(i, "event_action"), kActions[i]);
    EXPECT_EQ(Sent(i, "dedup_key"), Sent(0, "dedup_key"));
  }
  EXPECT_THAT(server_.bodies()[1], HasSubstr("grew"));
}

TEST_F(PagerDutyTest, NothingButTheApisAcceptanceEndsAPage) {
  struct Case {
    int status;
    const char* headers;
    std::optional<std::string> body;
  };
  const std::string other_key =
      R"({"status":"success","message":"Event processed","dedup_key":"incidents/another"})";
  const Case kCases[] = {
      {302, "Location: https://login.example/\r\n", kLoginPage},
      {307, "Location: https://events.example/\r\n", ""},
      {401, "", kLoginPage},
      {403, "", kLoginPage},
      {404, "", R"({"status":"not found","message":"no such path"})"},
      {405, "", ""},
      {407, "", kLoginPage},
      {408, "", ""},
      {200, "", kLoginPage},
      {200, "", std::nullopt},
      {204, "", ""},
      {202, "", kLoginPage},
      {202, "", ""},
      {202, "", R"({"status":"queued","dedup_key":"x"})"},
      {202, "", other_key},
      {202, "", R"(["success"])"},
      {400, "", kLoginPage},
      {400, "", ""},
      {413, "", kLoginPage},
      {429, "", ""},
      {500, "", kLoginPage},
      {503, "", R"({"status":"success","message":"Event processed"})"},
  };
  uint8_t number = 1;
  for (const Case& c : kCases) {
    SCOPED_TRACE(testing::Message() << c.status << " " << c.body.value_or("as sent"));
    const size_t before = server_.bodies().size();
    server_.Answer(c.status, c.headers, c.body);
    Write(Incident(number++));
    EXPECT_TRUE(Send());
    EXPECT_EQ(Waiting(), 1) << "it stays";
    EXPECT_EQ(SendFor(3), 1);
    EXPECT_EQ(Waiting(), 0) << "the second was accepted";
    ASSERT_EQ(server_.bodies().size(), before + 2);
    EXPECT_EQ(Sent(before + 1, "dedup_key"), Sent(before, "dedup_key"));
  }
}

TEST_F(PagerDutyTest, ARefusedEventHoldsUpNoOtherAndGoesOutAsItsTitle) {
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

TEST_F(PagerDutyTest, AnEventThatIsRefusedForEverIsTriedAtASlowRate) {
  for (int i = 0; i < 1000; ++i) server_.Answer(400, "", kRefusal);
  Write();
  EXPECT_GE(SendFor(600), 8);
  const int in_a_day_and_a_half = SendFor(36 * 3600);
  EXPECT_GE(in_a_day_and_a_half, 36 * 4) << "it never gives up";
  EXPECT_LE(in_a_day_and_a_half, 36 * 8);
  EXPECT_EQ(Waiting(), 1);
}

TEST_F(PagerDutyTest, AnOutageIsProbedAndNotHammeredPerEvent) {
  for (uint8_t i = 1; i <= 30; ++i) Write(Incident(i));
  for (int i = 0; i < 10'000; ++i) server_.Answer(503, "", kLoginPage);
  const int first_hour = SendFor(3600);
  EXPECT_LE(first_hour, 25) << "of one service, not of thirty events";
  EXPECT_GE(first_hour, 10);
  EXPECT_EQ(Waiting(), 30);
  server_.Forget();
  EXPECT_EQ(SendFor(15 * 60), 30) << "all of them once it is back";
  EXPECT_EQ(Waiting(), 0);
}

// A filter on the way that does not like what one of them says.
TEST_F(PagerDutyTest, WhatStopsOneEventAloneHoldsUpNoOther) {
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
  EXPECT_EQ(Waiting(), 0) << "as its title";
}

TEST_F(PagerDutyTest, ANewPageDoesNotWaitForTheNextProbeOfALongOutage) {
  for (int i = 0; i < 1000; ++i) server_.Answer(503, "", "");
  Write();
  SendFor(3600);
  server_.Forget();
  const size_t before = server_.bodies().size();
  Write(Incident(2));
  SendFor(31);
  ASSERT_GT(server_.bodies().size(), before);
  EXPECT_EQ(Waiting(), 0) << "and what waited goes with it";
}

// The engine, which would give its leave, can write nothing.
TEST_F(PagerDutyTest, AHeldPageGoesWithoutLeaveAfterAMinute) {
  ASSERT_TRUE(store_->Write({.incidents = {incident_}}, kNow).ok());
  EXPECT_EQ(SendFor(58), 0);
  EXPECT_EQ(SendFor(4), 1);
  EXPECT_EQ(Waiting(), 0);
  ASSERT_TRUE(store_->ReleasePages(kNow, 0).ok());
  EXPECT_EQ(SendFor(2), 0) << "once";
}

TEST_F(PagerDutyTest, WhatCannotBeRecordedIsNotSentAgainAndAgain) {
  Write();
  ASSERT_TRUE(store_->writer()
                  ->database()
                  ->Execute("CREATE TRIGGER no BEFORE DELETE ON outbox BEGIN SELECT RAISE(ABORT,"
                            " 'disk full'); END")
                  .ok());
  EXPECT_FALSE(pager_->SendOne().ok());
  for (int i = 0; i < 5; ++i) {
    clock_.AdvanceNs(kSecond);
    EXPECT_FALSE(pager_->SendOne().ok());
  }
  EXPECT_EQ(server_.bodies().size(), 1u);
  ASSERT_TRUE(store_->writer()->database()->Execute("DROP TRIGGER no").ok());
  EXPECT_EQ(SendFor(1), 0);
  EXPECT_EQ(Waiting(), 0);
}

TEST_F(PagerDutyTest, AnIncidentThatCannotBeReadIsPagedByItsName) {
  Write();
  ASSERT_TRUE(store_->writer()->database()->Execute("UPDATE incidents SET data = x'ffff'").ok());
  EXPECT_TRUE(Send());
  EXPECT_EQ(Sent(0, "dedup_key").substr(0, 10), "incidents/");
  EXPECT_EQ(Waiting(), 0);
}

TEST_F(PagerDutyTest, RetryAfterIsHonoured) {
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

TEST_F(PagerDutyTest, BackOffGrowsAndARestartTriesAtOnce) {
  for (int i = 0; i < 6; ++i) server_.Answer(500);
  Write();
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(Send());
    EXPECT_FALSE(Send()) << "not at once";
    // Between half of 2^i seconds and the whole.
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

TEST_F(PagerDutyTest, AWallClockThatIsSetDelaysNothing) {
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
  EXPECT_FALSE(Send()) << "nor is anything sooner";
}

TEST_F(PagerDutyTest, TheKeyIsInNoLogAndInNoFile) {
  server_.Answer(400);
  server_.Answer(403);
  Write();
  testing::internal::CaptureStderr();
  EXPECT_TRUE(Send());
  SendFor(3);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("HTTP 400"));
  EXPECT_THAT(log, Not(HasSubstr(kKey)));
  pager_.reset();
  store_.reset();
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    std::stringstream bytes;
    bytes << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    EXPECT_THAT(bytes.str(), Not(HasSubstr(kKey))) << entry.path();
  }
}

TEST_F(PagerDutyTest, AnotherEndpointAndKeyAreUsedAtOnce) {
  for (int i = 0; i < 100; ++i) server_.Answer(403, "", kLoginPage);
  Write();
  SendFor(600);
  FakeHttpServer other;
  PagerDuty::Options options;
  options.endpoint = other.url();
  options.routing_key = "ffffffffffffffffffffffffffffffff";
  options.clock = &clock_;
  ASSERT_TRUE(pager_->Reconfigure(options).ok());
  EXPECT_TRUE(Send());
  ASSERT_EQ(other.bodies().size(), 1u);
  EXPECT_THAT(other.bodies()[0], HasSubstr(options.routing_key));
  EXPECT_EQ(Waiting(), 0);
  options.routing_key = "short";
  EXPECT_EQ(pager_->Reconfigure(options).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(PagerDutyTest, OwnThreadSends) {
  pager_.reset();
  PagerDuty::Options options;
  options.endpoint = server_.url();
  options.routing_key = kKey;
  auto pager = PagerDuty::Create(
      store_.get(), [](const model::SessionId&) { return engine::Path(); }, options);
  ASSERT_TRUE(pager.ok());
  (*pager)->Start();
  Write();
  for (int i = 0; i < 500 && server_.bodies().empty(); ++i) usleep(10'000);
  (*pager)->Stop();
  EXPECT_EQ(server_.bodies().size(), 1u);
}

TEST_F(PagerDutyTest, RoutingKeyFileIsCheckedAndNeverShown) {
  const std::string path = directory_ + "/key";
  { std::ofstream(path) << kKey << "\n"; }
  EXPECT_EQ(ReadRoutingKey(path).value(), kKey);
  { std::ofstream(path) << "short-secret\n"; }
  absl::Status status = ReadRoutingKey(path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("short-secret")));
  EXPECT_EQ(ReadRoutingKey(directory_ + "/none").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace hoptrail::collector::notify
