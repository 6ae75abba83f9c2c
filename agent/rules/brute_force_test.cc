#include "absl/strings/str_cat.h"
#include <gtest/gtest.h>

#include "agent/rules/rule_fixture.h"

namespace hoptrail::agent::rules {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

class BruteForceRuleTest : public RuleTest {
 protected:
  BruteForceRuleTest() {
    listener_.bytes[0] = 9;
    attempt_.session.bytes[0] = 1;
    attempt_.user = "staff";
    attempt_.service = "sshd";
    attempt_.origin = {*model::ParseIpAddress("192.0.2.9"), 4000};
    attempt_.wall_ns = 1'700'000'000 * kSecond;
  }

  std::optional<model::Detection> Try(bool succeeded) {
    attempt_.succeeded = succeeded;
    Pass(1);
    ++attempt_.origin.port;
    session_.id = attempt_.session;
    return Feed(*rule_, {.kind = session::Activity::kLoginAttempt,
                         .boot_ns = boot_ns_,
                         .session = &session_,
                         .attempt = &attempt_,
                         .listener = listener_});
  }
  void Pass(int64_t seconds) {
    attempt_.wall_ns += seconds * kSecond;
    boot_ns_ += seconds * kSecond;
  }

  model::SessionId listener_;
  model::LoginAttempt attempt_;
  uint64_t boot_ns_ = 1000 * kSecond;
  model::Session session_;
  std::unique_ptr<HostRule> rule_ = MakeHostRule("brute-force", {});
};

TEST_F(BruteForceRuleTest, Fires_OnASuccessAfterFiveFailures) {
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Try(false).has_value());
  const auto detection = Try(true);
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->severity, model::Severity::kHigh);
  EXPECT_EQ(detection->session, attempt_.session);
  EXPECT_EQ(detection->evidence.at("failures"), "5");
  EXPECT_EQ(detection->evidence.at("users_tried"), "staff");
  EXPECT_EQ(detection->evidence.at("origin"), "192.0.2.9");
  EXPECT_EQ(detection->evidence.at("first_failure"), "2023-11-14T22:13:21Z");
  EXPECT_FALSE(Try(true).has_value()) << "the success has cleared the failures";
}

TEST_F(BruteForceRuleTest, StaysSilent_ForAPersonWhoForgot) {
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(Try(false).has_value());
  EXPECT_FALSE(Try(true).has_value());
}

TEST_F(BruteForceRuleTest, StaysSilent_ForAnotherOriginAndAfterTheWindow) {
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Try(false).has_value());
  const model::Endpoint origin = attempt_.origin;
  attempt_.origin.address = *model::ParseIpAddress("192.0.2.10");
  EXPECT_FALSE(Try(true).has_value());
  attempt_.origin = origin;
  Pass(700);
  EXPECT_FALSE(Try(true).has_value());
}

// A clock that is set during the window neither ends nor extends it.
TEST_F(BruteForceRuleTest, Fires_WithinTheWindowDespiteAClockStep) {
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Try(false).has_value());
  attempt_.wall_ns += 3600 * kSecond;
  EXPECT_TRUE(Try(true).has_value());
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Try(false).has_value());
  attempt_.wall_ns -= 7200 * kSecond;
  Pass(700);
  EXPECT_FALSE(Try(true).has_value());
}

TEST_F(BruteForceRuleTest, Fires_LowAndOnceInAWindowForFailuresAlone) {
  for (int i = 0; i < 19; ++i) {
    attempt_.user = absl::StrCat("user", i);
    EXPECT_FALSE(Try(false).has_value());
  }
  const auto detection = Try(false);
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->severity, model::Severity::kLow);
  EXPECT_EQ(detection->session, listener_);
  EXPECT_EQ(detection->evidence.at("failures"), "20");
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(Try(false).has_value());
}

TEST_F(BruteForceRuleTest, StaysSilent_ForAnOriginForgottenAmongTooMany) {
  const model::IpAddress first = model::IpAddress::V4(1);
  attempt_.origin.address = first;
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Try(false).has_value());
  boot_ns_ += 1;
  for (uint32_t i = 0; i < 8192; ++i) {
    attempt_.origin.address = model::IpAddress::V4(1000 + i);
    session_.id = attempt_.session;
    Feed(*rule_, {.kind = session::Activity::kLoginAttempt,
                  .boot_ns = boot_ns_,
                  .session = &session_,
                  .attempt = &attempt_,
                  .listener = listener_});
  }
  attempt_.origin.address = first;
  EXPECT_FALSE(Try(true).has_value()) << "the number of origins is bounded";
}

TEST_F(BruteForceRuleTest, Fires_AtTheConfiguredNumbers) {
  RuleOptions options;
  options.config.mutable_brute_force()->set_failures_before_success(2);
  options.config.mutable_brute_force()->set_failures_alone(3);
  rule_ = MakeHostRule("brute-force", options);
  EXPECT_FALSE(Try(false).has_value());
  EXPECT_FALSE(Try(false).has_value());
  EXPECT_TRUE(Try(false).has_value());
  EXPECT_TRUE(Try(true).has_value());
}

}  // namespace
}  // namespace hoptrail::agent::rules
