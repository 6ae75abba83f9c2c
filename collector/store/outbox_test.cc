#include "collector/store/outbox.h"

#include <atomic>
#include <thread>

#include "absl/time/clock.h"
#include <gtest/gtest.h>

#include "collector/store/store_fixture.h"

namespace hoptrail::collector::store {
namespace {

TEST_F(StoreTest, OutboxCoalescesWhatWaitsAndKeepsTheOrder) {
  auto outbox = store_->OpenOutbox();
  ASSERT_TRUE(outbox.ok());
  model::Incident incident = OpenIncident();
  Write({.incidents = {incident}});
  incident.title = "grew";
  Write({.incidents = {incident}});
  incident.updated_wall_ns += 5;  // not worth a page
  Write({.incidents = {incident}});
  EXPECT_EQ((*outbox)->Waiting().value(), 1);
  Release(0);
  auto item = (*outbox)->Next(kNow);
  ASSERT_TRUE(item.ok() && item->has_value());
  EXPECT_EQ((*item)->action, Outbox::kTrigger);
  EXPECT_EQ((*item)->version, 2);

  incident.title = "grew while it was being sent";
  Write({.incidents = {incident}});
  incident.state = model::IncidentState::kAcknowledged;
  Write({.incidents = {incident}});
  incident.state = model::IncidentState::kResolved;
  Write({.incidents = {incident}});
  Write({.incidents = {incident}});
  ASSERT_TRUE((*outbox)->Done(**item).ok());
  for (auto action : {Outbox::kTrigger, Outbox::kAcknowledge, Outbox::kResolve}) {
    item = (*outbox)->Next(kNow);
    ASSERT_TRUE(item.ok() && item->has_value());
    EXPECT_EQ((*item)->action, action);
    ASSERT_TRUE((*outbox)->Done(**item).ok());
  }
  EXPECT_EQ((*outbox)->Waiting().value(), 0);
}

TEST_F(StoreTest, OutboxWaitsAndParks) {
  auto outbox = store_->OpenOutbox();
  Write({.incidents = {OpenIncident()}});
  Release(0);
  auto item = (*outbox)->Next(kNow);
  ASSERT_TRUE((*outbox)->Retry(**item, kNow + 10, "503").ok());
  EXPECT_FALSE((*outbox)->Next(kNow)->has_value());
  EXPECT_FALSE((*outbox)->Next(kNow + 9)->has_value());
  Reopen();
  outbox = store_->OpenOutbox();
  item = (*outbox)->Next(kNow + 10);
  ASSERT_TRUE(item.ok() && item->has_value());
  EXPECT_EQ((*item)->attempts, 1);
  ASSERT_TRUE((*outbox)->Park(**item, "400").ok());
  EXPECT_FALSE((*outbox)->Next(kNow + kDay)->has_value());
  EXPECT_EQ((*outbox)->Parked().value(), 1);
}

TEST_F(StoreTest, TheFirstPageIsHeldAlsoOverARestart) {
  model::Incident incident = OpenIncident();
  Write({.incidents = {incident}});
  incident.state = model::IncidentState::kAcknowledged;
  Write({.incidents = {incident}});
  Release(10);
  Reopen();
  EXPECT_TRUE(store_->writer()->outbox()->holds());
  auto outbox = store_->OpenOutbox();
  EXPECT_FALSE((*outbox)->Next(kNow + kDay)->has_value()) << "nor what waits behind it";
  const int64_t seen = store_->outbox_changes()->revision();
  Release(10, kNow + 10);
  EXPECT_GT(store_->outbox_changes()->revision(), seen);
  EXPECT_FALSE(store_->writer()->outbox()->holds());
  auto item = (*outbox)->Next(kNow);
  ASSERT_TRUE(item.ok() && item->has_value());
  EXPECT_EQ((*item)->action, Outbox::kTrigger);

  incident.title = "grew";
  Write({.incidents = {incident}});
  EXPECT_FALSE(store_->writer()->outbox()->holds()) << "it was told already";
}

// SQLite's own answer to two writers is that the later one sleeps, here: that it fails.
TEST_F(StoreTest, WhoWritesTheOutboxNeverMeetsWhoWritesFacts) {
  auto outbox = store_->OpenOutbox();
  ASSERT_TRUE(store_->writer()->database()->Execute("PRAGMA busy_timeout=0").ok());
  std::atomic<bool> over{false};
  std::thread notifier([&] {
    for (int64_t i = 0; !over; ++i) EXPECT_TRUE((*outbox)->SaveCursor("test", i).ok());
  });
  for (uint8_t i = 0; i < 200; ++i) {
    Write({.sessions = {SessionAt(i, kNow + i)}});
    absl::SleepFor(absl::Milliseconds(1));  // the other gets into its stride
  }
  over = true;
  notifier.join();
}

TEST_F(StoreTest, AClockPutBackDoesNotHoldAPage) {
  Write({.incidents = {OpenIncident()}});
  Release(10, kNow - kDay);
  EXPECT_FALSE(store_->writer()->outbox()->holds());
}

TEST_F(StoreTest, WhatIsOverBeforeItsPageWasReleasedIsNeverTold) {
  auto outbox = store_->OpenOutbox();
  model::Incident incident = OpenIncident();
  Write({.incidents = {incident}});
  incident.state = model::IncidentState::kAcknowledged;
  Write({.incidents = {incident}});
  incident.state = model::IncidentState::kResolved;
  incident.merged_into.bytes[0] = 9;
  Write({.incidents = {incident}});
  EXPECT_EQ((*outbox)->Waiting().value(), 0);

  // Its path is its own again: told, and then resolved, and open once more within a moment.
  Write({.incidents = {OpenIncident()}});
  Release(0);
  auto item = (*outbox)->Next(kNow);
  ASSERT_TRUE(item.ok() && item->has_value());
  ASSERT_TRUE((*outbox)->Done(**item).ok());
  Write({.incidents = {incident}});
  Write({.incidents = {OpenIncident()}});
  Write({.incidents = {incident}});
  Release(0);
  item = (*outbox)->Next(kNow);
  ASSERT_TRUE(item.ok() && item->has_value());
  EXPECT_EQ((*item)->action, Outbox::kResolve) << "of what was told";
  ASSERT_TRUE((*outbox)->Done(**item).ok());
  EXPECT_EQ((*outbox)->Waiting().value(), 0);
}

}  // namespace
}  // namespace hoptrail::collector::store
