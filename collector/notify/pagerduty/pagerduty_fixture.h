#ifndef HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_PAGERDUTY_FIXTURE_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_PAGERDUTY_FIXTURE_H_

// For tests: a notifier whose pager is a fake web server.

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "collector/notify/notify_fixture.h"
#include "collector/notify/pagerduty/http_server_fake.h"
#include "collector/notify/pagerduty/pagerduty.h"

namespace hoptrail::collector::notify {

inline constexpr char kKey[] = "0123456789abcdef0123456789abcdef";

// Answers of the API, and of a proxy in between.
inline constexpr char kRefusal[] =
    R"({"status":"invalid event","message":"Event object is invalid","errors":["too odd"]})";
inline constexpr char kLoginPage[] = "<html><title>Sign in to the proxy</title></html>";

inline constexpr char kOdd[] = "' OR 1=1";

class PagerDutyFixture : public StoreForNotifiers {
 protected:
  void SetUp() override {
    StoreForNotifiers::SetUp();
    Make();
  }
  void TearDown() override {
    pager_.reset();
    StoreForNotifiers::TearDown();
  }

  // As in a new process: nothing is known in memory.
  void Make() {
    PagerDuty::Options options;
    options.endpoint = server_.url();
    options.routing_key = kKey;
    options.clock = &clock_;
    auto source = [](const model::SessionId& id) -> absl::StatusOr<engine::Path> {
      engine::Path path;
      path.steps.push_back({.session = id});
      return path;
    };
    pager_.reset();
    auto pager = PagerDuty::Create(store_.get(), source, options);
    ASSERT_TRUE(pager.ok()) << pager.status();
    pager_ = *std::move(pager);
  }
  // Writes an incident with kOdd in its path and not in its title.
  void WriteOdd() {
    model::Session odd = wire::TestSession();
    odd.id.bytes[0] = 99;
    odd.user = kOdd;
    ASSERT_TRUE(store_->Write({.sessions = {odd}}, kNow).ok());
    incident_.root = odd.id;
    Write();
  }
  bool Send() {
    auto sent = pager_->SendOne();
    EXPECT_TRUE(sent.ok()) << sent.status();
    return sent.ok() && *sent;
  }
  // Sends what is due, second by second. Returns the number of attempts.
  int SendFor(int seconds) {
    int tries = 0;
    for (int i = 0; i <= seconds; ++i) {
      while (Send()) ++tries;
      if (i < seconds) clock_.AdvanceNs(kSecond);
    }
    return tries;
  }
  std::string Sent(size_t i, const std::string& field) {
    return ParseJson(server_.bodies().at(i)).fields().at(field).string_value();
  }

  FakeHttpServer server_;
  std::unique_ptr<PagerDuty> pager_;
};

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_PAGERDUTY_FIXTURE_H_
