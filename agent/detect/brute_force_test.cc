#include "agent/detect/brute_force.h"

#include "absl/strings/str_cat.h"
#include <gtest/gtest.h>

namespace hoptrail::agent::detect {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

class BruteForceTest : public testing::Test {
 protected:
  BruteForceTest() {
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
    return rule_.OnLoginAttempt(attempt_, listener_, boot_ns_);
  }
  void Pass(int64_t seconds) {
    attempt_.wall_ns += seconds * kSecond;
    boot_ns_ += seconds * kSecond;
  }

  model::SessionId listener_;
  model::LoginAttempt attempt_;
  uint64_t boot_ns_ = 1000 * kSecond;
  BruteForceRule rule_{BruteForceOptions()};
};

TEST_F(BruteForceTest, FiresOnSuccessAfterFive) {
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Try(false).has_value());
  const auto detection = Try(true);
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->severity, model::Severity::kHigh);
  EXPECT_EQ(detection->session, attempt_.session);
  EXPECT_EQ(detection->evidence.at("failures"), "5");
  EXPECT_EQ(detection->evidence.at("users_tried"), "staff");
  EXPECT_EQ(detection->evidence.at("origin"), "192.0.2.9");
  EXPECT_EQ(detection->evidence.at("first_failure"), "2023-11-14T22:13:21Z");
  EXPECT_FALSE(Try(true).has_value());  // it begins anew
}

TEST_F(BruteForceTest, FourAreAPersonWhoForgot) {
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(Try(false).has_value());
  EXPECT_FALSE(Try(true).has_value());
}

TEST_F(BruteForceTest, OriginsAndWindowsAreKeptApart) {
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Try(false).has_value());
  const model::Endpoint origin = attempt_.origin;
  attempt_.origin.address = *model::ParseIpAddress("192.0.2.10");
  EXPECT_FALSE(Try(true).has_value());
  attempt_.origin = origin;
  Pass(700);
  EXPECT_FALSE(Try(true).has_value());
}

// Setting the clock in the midst of it neither ends the window nor makes it endless.
TEST_F(BruteForceTest, ASteppedClockChangesNoWindow) {
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Try(false).has_value());
  attempt_.wall_ns += 3600 * kSecond;
  EXPECT_TRUE(Try(true).has_value());
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Try(false).has_value());
  attempt_.wall_ns -= 7200 * kSecond;
  Pass(700);
  EXPECT_FALSE(Try(true).has_value());
}

TEST_F(BruteForceTest, FailuresAloneAreLowAndToldOnceAWindow) {
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

TEST_F(BruteForceTest, OriginsAreBounded) {
  for (uint32_t i = 0; i < 20'000; ++i) {
    attempt_.origin.address = model::IpAddress::V4(i);
    Try(false);
  }
  EXPECT_LE(rule_.origin_count(), 8192u);
}

}  // namespace
}  // namespace hoptrail::agent::detect
