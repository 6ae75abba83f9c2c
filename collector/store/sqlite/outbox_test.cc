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

TEST_F(StoreTest, WaitingItems_AreMergedAndKeepTheirOrder) {
  auto outbox = store_->OpenOutbox();
  ASSERT_TRUE(outbox.ok());
  model::Incident incident = OpenIncident();
  Write({.incidents = {incident}});
  incident.title = "escalated";
  Write({.incidents = {incident}});
  incident.updated_wall_ns += 5;  // not worth a page
  Write({.incidents = {incident}});
  EXPECT_EQ((*outbox)->Waiting().value(), 1);
  Release(0);
  auto item = Next(outbox->get());
  ASSERT_TRUE(item.ok() && item->has_value());
  EXPECT_EQ((*item)->action, Outbox::kTrigger);
  EXPECT_EQ((*item)->version, 2);

  incident.title = "escalated while it was being sent";
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

TEST_F(StoreTest, FailedItem_StaysAcrossARestart) {
  auto outbox = store_->OpenOutbox();
  Write({.incidents = {OpenIncident()}});
  Release(0);
  auto item = Next(outbox->get());
  ASSERT_TRUE(item.ok() && item->has_value());
  ASSERT_TRUE((*outbox)->Failed(**item, {kNow, kNow + 10, "HTTP 403"}, false).ok());
  Reopen();
  outbox = store_->OpenOutbox();
  item = Next(outbox->get());
  ASSERT_TRUE(item.ok() && item->has_value()) << "the notifier schedules, not the outbox";
  EXPECT_EQ((*outbox)->LastId().value(), (*item)->id);
  EXPECT_EQ((*outbox)->Waiting().value(), 1);
}

bool Pending(const DeliveryView& view) { return !view.delivered && !view.failed; }

TEST_F(StoreTest, Delivery_IsPendingThenFailedThenDelivered) {
  auto outbox = store_->OpenOutbox();
  model::Incident incident = OpenIncident();
  model::Incident other = OpenIncident();
  other.id.bytes[0] = 77;
  const auto delivery_of = [&](const model::Incident& asked) {
    const auto view = reader()->DeliveryOf(asked.id);
    EXPECT_TRUE(view.ok() && view->has_value());
    return view.ok() ? view->value_or(DeliveryView()) : DeliveryView();
  };
  Write({.incidents = {incident, other}});
  EXPECT_TRUE(Pending(delivery_of(incident))) << "held";
  Release(0);
  EXPECT_TRUE(Pending(delivery_of(incident)));
  auto item = Next(outbox->get());
  ASSERT_TRUE((*outbox)->Failed(**item, {kNow, kNow + kDay, "HTTP 503"}, /*of_service=*/true).ok());
  EXPECT_TRUE(delivery_of(incident).failed);
  EXPECT_EQ(delivery_of(incident).attempts, 1u);
  EXPECT_EQ(delivery_of(incident).reason, "HTTP 503");
  EXPECT_EQ(delivery_of(incident).next_attempt_wall_ns, kNow + kDay);
  EXPECT_TRUE(delivery_of(other).failed) << "it waits for the same service";
  EXPECT_EQ(delivery_of(other).attempts, 0u);
  EXPECT_EQ(delivery_of(other).reason, "HTTP 503");
  ASSERT_TRUE((*outbox)->Done(**item, kNow + 5'000'000'000, "only its title").ok());
  EXPECT_TRUE(delivery_of(incident).delivered);
  EXPECT_EQ(delivery_of(incident).attempts, 2u);
  EXPECT_EQ(delivery_of(incident).reason, "only its title");
  EXPECT_EQ(delivery_of(incident).attempt_wall_ns, kNow + 5'000'000'000);
  EXPECT_EQ(delivery_of(incident).next_attempt_wall_ns, 0);
  EXPECT_TRUE(Pending(delivery_of(other))) << "the service is well again";
  incident.title = "escalated";
  Write({.incidents = {incident}});
  EXPECT_TRUE(Pending(delivery_of(incident))) << "the newest state has not arrived";
}

TEST_F(StoreTest, FirstPage_IsHeldAcrossARestart) {
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
  Release(10, kNow + 4);
  EXPECT_TRUE(store_->HoldsPages()) << "held for 4 ns since it was created";
  Release(10, kNow + 4, kNow + 6);
  EXPECT_GT(store_->outbox_changes()->revision(), seen);
  EXPECT_FALSE(store_->HoldsPages());
  auto item = Next(outbox->get());
  ASSERT_TRUE(item.ok() && item->has_value());
  EXPECT_EQ((*item)->action, Outbox::kTrigger);

  incident.title = "escalated";
  Write({.incidents = {incident}});
  EXPECT_FALSE(store_->HoldsPages()) << "its first page was sent already";
}

// SQLite lets the later of two writers sleep. Without a busy timeout, as here, it fails.
TEST_F(StoreTest, OutboxAndFactWriters_NeverWriteAtTheSameTime) {
  auto outbox = store_->OpenOutbox();
  ASSERT_TRUE(store_->writer()->database()->Execute("PRAGMA busy_timeout=0").ok());
  std::atomic<bool> over{false};
  std::thread notifier([&] {
    for (int64_t i = 0; !over; ++i) EXPECT_TRUE((*outbox)->SaveCursor("test", i).ok());
  });
  for (uint8_t i = 0; i < 200; ++i) {
    Write({.sessions = {SessionAt(i, kNow + i)}});
    absl::SleepFor(absl::Milliseconds(1));  // lets the other thread write in between
  }
  over = true;
  notifier.join();
}

TEST_F(StoreTest, PageThatCouldNotBeEnqueued_IsEnqueuedWithTheNextWrite) {
  sqlite::Database* database = store_->writer()->database();
  ASSERT_TRUE(database
                  ->Execute("CREATE TRIGGER no BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT,"
                            " 'no'); END")
                  .ok());
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(store_->Write({.incidents = {OpenIncident()}}, kNow).ok());
  }
  ASSERT_TRUE(database->Execute("DROP TRIGGER no").ok());
  Write({.incidents = {OpenIncident()}});
  Release(0);
  auto outbox = store_->OpenOutbox();
  EXPECT_TRUE(Next(outbox->get())->has_value());
}

TEST_F(StoreTest, ClockThatIsSet_NeitherHoldsNorReleasesAPage) {
  Write({.incidents = {OpenIncident()}});
  Release(10);
  for (const int64_t step : {int64_t{0}, kDay, -kDay}) {
    Release(10, kNow + step, kNow + 9);
    EXPECT_TRUE(store_->HoldsPages()) << step;
  }
  Reopen();
  Release(10, kNow - kDay, kNow);
  Release(10, kNow - kDay, kNow + 9);
  EXPECT_TRUE(store_->HoldsPages());
  Release(10, kNow - kDay, kNow + 10);
  EXPECT_FALSE(store_->HoldsPages());
}

TEST_F(StoreTest, IncidentThatEndsBeforeItsPageIsReleased_IsNeverSent) {
  auto outbox = store_->OpenOutbox();
  model::Incident incident = OpenIncident();
  Write({.incidents = {incident}});
  incident.state = model::IncidentState::kAcknowledged;
  Write({.incidents = {incident}});
  incident.state = model::IncidentState::kResolved;
  incident.merged_into.bytes[0] = 9;
  Write({.incidents = {incident}});
  EXPECT_EQ((*outbox)->Waiting().value(), 0);

  // The incident opens again and its page is sent. Then it is resolved, reopened and resolved
  // within a moment.
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
  EXPECT_EQ((*item)->action, Outbox::kResolve) << "for the page that was sent";
  ASSERT_TRUE((*outbox)->Done(**item, kNow, "").ok());
  EXPECT_EQ((*outbox)->Waiting().value(), 0);
}

}  // namespace
}  // namespace hoptrail::collector::store
