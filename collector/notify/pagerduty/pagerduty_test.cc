#include "collector/notify/pagerduty/pagerduty.h"

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/notify/pagerduty/pagerduty_fixture.h"

namespace hoptrail::collector::notify {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class PagerDutyTest : public PagerDutyFixture {};

TEST_F(PagerDutyTest, IncidentFromOpenToResolved_SendsAllEventsUnderOneKey) {
  Write();
  EXPECT_TRUE(Send());
  incident_.title = "escalated";
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
  EXPECT_THAT(server_.bodies()[1], HasSubstr("escalated"));
}

TEST_F(PagerDutyTest, AnswerOtherThanTheApisAcceptance_IsTriedAgain) {
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
    EXPECT_EQ(Waiting(), 1) << "the item stays";
    EXPECT_EQ(SendFor(3), 1);
    EXPECT_EQ(Waiting(), 0) << "the second attempt was accepted";
    ASSERT_EQ(server_.bodies().size(), before + 2);
    EXPECT_EQ(Sent(before + 1, "dedup_key"), Sent(before, "dedup_key"));
  }
}

TEST_F(PagerDutyTest, AcceptedPageThatCannotBeRecorded_IsSentOnce) {
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

TEST_F(PagerDutyTest, UnreadableIncident_IsPagedByItsName) {
  Write();
  ASSERT_TRUE(store_->writer()->database()->Execute("UPDATE incidents SET data = x'ffff'").ok());
  EXPECT_TRUE(Send());
  EXPECT_EQ(Sent(0, "dedup_key").substr(0, 10), "incidents/");
  EXPECT_EQ(Waiting(), 0);
}

TEST_F(PagerDutyTest, RoutingKey_IsInNoLogAndNoFile) {
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

TEST_F(PagerDutyTest, NewEndpointAndKey_AreUsedAtOnce) {
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

TEST_F(PagerDutyTest, OwnThread_SendsThePage) {
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

TEST_F(PagerDutyTest, RoutingKeyFile_IsCheckedAndNeverShown) {
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
