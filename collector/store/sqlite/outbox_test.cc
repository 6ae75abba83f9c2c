#include "collector/store/outbox.h"

#include <atomic>
#include <optional>
#include <thread>

#include "absl/time/clock.h"
#include <gtest/gtest.h>

#include "collector/store/sqlite/store_fixture.h"

namespace hoptrail::collector::store {
namespace {

absl::StatusOr<std::optional<Outbox::Item>> Next(Outbox* outbox) {
  return outbox->Next([](const Outbox::Item& item) { return !item.held; });
}

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
  auto item = Next(outbox->get());
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
  ASSERT_TRUE((*outbox)->Done(**item, kNow, "").ok());
  for (auto action : {Outbox::kTrigger, Outbox::kAcknowledge, Outbox::kResolve}) {
    item = Next(outbox->get());
    ASSERT_TRUE(item.ok() && item->has_value());
    EXPECT_EQ((*item)->action, action);
    ASSERT_TRUE((*outbox)->Done(**item, kNow, "").ok());
  }
  EXPECT_EQ((*outbox)->Waiting().value(), 0);
}

TEST_F(StoreTest, WhatIsNotAcceptedStaysOverARestartWithItsReason) {
  auto outbox = store_->OpenOutbox();
  Write({.incidents = {OpenIncident()}});
  Release(0);
  auto item = Next(outbox->get());
  ASSERT_TRUE(item.ok() && item->has_value());
  ASSERT_TRUE((*outbox)->Failed(**item, {kNow, kNow + 10, "HTTP 403"}, false).ok());
  Reopen();
  outbox = store_->OpenOutbox();
  item = Next(outbox->get());
  ASSERT_TRUE(item.ok() && item->has_value()) << "whoever tries it keeps the time";
  EXPECT_EQ((*outbox)->LastId().value(), (*item)->id);
  EXPECT_EQ((*outbox)->Waiting().value(), 1);
}

bool Pending(const DeliveryView& view) { return !view.delivered && !view.failed; }

TEST_F(StoreTest, AnIncidentSaysHowItsPageStands) {
  auto outbox = store_->OpenOutbox();
  model::Incident incident = OpenIncident();
  model::Incident other = OpenIncident();
  other.id.bytes[0] = 77;
  const auto stands = [&](const model::Incident& asked) {
    const auto view = reader()->DeliveryOf(asked.id);
    EXPECT_TRUE(view.ok() && view->has_value());
    return view.ok() ? view->value_or(DeliveryView()) : DeliveryView();
  };
  Write({.incidents = {incident, other}});
  EXPECT_TRUE(Pending(stands(incident))) << "held";
  Release(0);
  EXPECT_TRUE(Pending(stands(incident)));
  auto item = Next(outbox->get());
  ASSERT_TRUE((*outbox)->Failed(**item, {kNow, kNow + kDay, "HTTP 503"}, /*of_service=*/true).ok());
  EXPECT_TRUE(stands(incident).failed);
  EXPECT_EQ(stands(incident).attempts, 1u);
  EXPECT_EQ(stands(incident).reason, "HTTP 503");
  EXPECT_EQ(stands(incident).next_attempt_wall_ns, kNow + kDay);
  EXPECT_TRUE(stands(other).failed) << "it waits for the same service";
  EXPECT_EQ(stands(other).attempts, 0u);
  EXPECT_EQ(stands(other).reason, "HTTP 503");
  ASSERT_TRUE((*outbox)->Done(**item, kNow + 5'000'000'000, "only its title").ok());
  EXPECT_TRUE(stands(incident).delivered);
  EXPECT_EQ(stands(incident).attempts, 2u);
  EXPECT_EQ(stands(incident).reason, "only its title");
  EXPECT_EQ(stands(incident).attempt_wall_ns, kNow + 5'000'000'000);
  EXPECT_EQ(stands(incident).next_attempt_wall_ns, 0);
  EXPECT_TRUE(Pending(stands(other))) << "the service is well again";
  incident.title = "grew";
  Write({.incidents = {incident}});
  EXPECT_TRUE(Pending(stands(incident))) << "the newest state has not arrived";
}

TEST_F(StoreTest, TheFirstPageIsHeldAlsoOverARestart) {
  model::Incident incident = OpenIncident();
  Write({.incidents = {incident}});
  incident.state = model::IncidentState::kAcknowledged;
  Write({.incidents = {incident}});
  Release(10);
  Reopen();
  EXPECT_TRUE(store_->HoldsPages());
  auto outbox = store_->OpenOutbox();
  EXPECT_FALSE(Next(outbox->get())->has_value()) << "nor what waits behind it";
  const int64_t seen = store_->outbox_changes()->revision();
  Release(10, kNow + 10);
  EXPECT_GT(store_->outbox_changes()->revision(), seen);
  EXPECT_FALSE(store_->HoldsPages());
  auto item = Next(outbox->get());
  ASSERT_TRUE(item.ok() && item->has_value());
  EXPECT_EQ((*item)->action, Outbox::kTrigger);

  incident.title = "grew";
  Write({.incidents = {incident}});
  EXPECT_FALSE(store_->HoldsPages()) << "it was told already";
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
  EXPECT_FALSE(store_->HoldsPages());
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
  auto item = Next(outbox->get());
  ASSERT_TRUE(item.ok() && item->has_value());
  ASSERT_TRUE((*outbox)->Done(**item, kNow, "").ok());
  Write({.incidents = {incident}});
  Write({.incidents = {OpenIncident()}});
  Write({.incidents = {incident}});
  Release(0);
  item = Next(outbox->get());
  ASSERT_TRUE(item.ok() && item->has_value());
  EXPECT_EQ((*item)->action, Outbox::kResolve) << "of what was told";
  ASSERT_TRUE((*outbox)->Done(**item, kNow, "").ok());
  EXPECT_EQ((*outbox)->Waiting().value(), 0);
}

}  // namespace
}  // namespace hoptrail::collector::store
