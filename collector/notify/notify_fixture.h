#ifndef HOPTRAIL_COLLECTOR_NOTIFY_NOTIFY_FIXTURE_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_NOTIFY_FIXTURE_H_

// For tests: a store with incidents to tell of, a pager that is a fake web server, and a clock that
// is turned by hand.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "collector/notify/pagerduty/http_server_fake.h"
#include "collector/notify/pagerduty/pagerduty.h"
#include "collector/store/sqlite/reader.h"
#include "core/wire/testing.h"

namespace hoptrail::collector::notify {

inline constexpr char kKey[] = "0123456789abcdef0123456789abcdef";
inline constexpr int64_t kNow = 1'700'000'000'000'000'000;
inline constexpr int64_t kSecond = 1'000'000'000;

inline google::protobuf::Struct ParseJson(const std::string& json) {
  google::protobuf::Struct object;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &object).ok()) << json;
  return object;
}

class NotifyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/hoptrail-notify-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    auto store = store::Store::Open({.path = folder_ + "/a.db", .writer = {.notify = true}}, kNow);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    clock_.StepWallNs(kNow - clock_.WallNs());
    incident_ = Incident(1);
    Make();
  }
  void TearDown() override {
    pager_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  static model::Incident Incident(uint8_t number) {
    model::Incident incident = wire::TestIncident();
    incident.id.bytes[0] = number;
    incident.state = model::IncidentState::kOpen;
    incident.merged_into = {};
    incident.root = wire::TestSession().id;
    return incident;
  }
  // A new process: what was known in memory is not.
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
  void Write(const model::Incident& incident) {
    ASSERT_TRUE(store_
                    ->Write({.sessions = {wire::TestSession()},
                             .detections = {wire::TestDetection()},
                             .incidents = {incident}},
                            kNow)
                    .ok());
    ASSERT_TRUE(store_->ReleasePages(kNow, 0).ok());
  }
  void Write() { Write(incident_); }
  bool Send() {
    auto sent = pager_->SendOne();
    EXPECT_TRUE(sent.ok()) << sent.status();
    return sent.ok() && *sent;
  }
  // Sends what is due, second by second. Returns how many tries there were.
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
  int64_t Waiting() {
    auto outbox = store_->OpenOutbox();
    EXPECT_TRUE(outbox.ok()) << outbox.status();
    return (*outbox)->Waiting().value();
  }

  std::string folder_;
  FakeHttpServer server_;
  FakeClock clock_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<PagerDuty> pager_;
  model::Incident incident_;
};

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_NOTIFY_FIXTURE_H_
