#ifndef HOPTRAIL_COLLECTOR_NOTIFY_NOTIFY_FIXTURE_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_NOTIFY_FIXTURE_H_

// For tests: a store with incidents to notify about, and a clock that the test advances.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "collector/store/sqlite/sqlite_store.h"
#include "core/base/clock.h"
#include "core/wire/testing.h"

namespace hoptrail::collector::notify {

inline constexpr int64_t kNow = 1'700'000'000'000'000'000;
inline constexpr int64_t kSecond = 1'000'000'000;

inline google::protobuf::Struct ParseJson(const std::string& json) {
  google::protobuf::Struct object;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &object).ok()) << json;
  return object;
}

class StoreForNotifiers : public ::testing::Test {
 protected:
  void SetUp() override {
    char directory[] = "/tmp/hoptrail-notify-XXXXXX";
    ASSERT_NE(mkdtemp(directory), nullptr);
    directory_ = directory;
    auto store =
        store::SqliteStore::Open({.path = directory_ + "/a.db", .writer = {.notify = true}}, kNow);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    clock_.StepWallNs(kNow - clock_.WallNs());
    incident_ = Incident(1);
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  static model::Incident Incident(uint8_t number) {
    model::Incident incident = wire::TestIncident();
    incident.id.bytes[0] = number;
    incident.state = model::IncidentState::kOpen;
    incident.merged_into = {};
    incident.root = wire::TestSession().id;
    return incident;
  }
  void Write(const model::Incident& incident) {
    ASSERT_TRUE(store_
                    ->Write({.sessions = {wire::TestSession()},
                             .detections = {wire::TestDetection()},
                             .incidents = {incident}},
                            kNow)
                    .ok());
    ASSERT_TRUE(store_->ReleasePages({kNow, kNow}, 0).ok());
  }
  void Write() { Write(incident_); }
  int64_t Waiting() {
    auto outbox = store_->OpenOutbox();
    EXPECT_TRUE(outbox.ok()) << outbox.status();
    return (*outbox)->Waiting().value();
  }

  std::string directory_;
  FakeClock clock_;
  std::unique_ptr<store::SqliteStore> store_;
  model::Incident incident_;
};

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_NOTIFY_FIXTURE_H_
