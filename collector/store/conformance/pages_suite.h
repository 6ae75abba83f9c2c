#ifndef HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_PAGES_SUITE_H_
#define HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_PAGES_SUITE_H_

// The outbox: pages, and the cursors of consumers.

#include <gtest/gtest.h>

#include "collector/store/conformance/suite_fixture.h"

namespace hoptrail::collector::store {

TEST_P(StoreSuite, Page_IsHeldThenWaitsUntilDoneAcrossARestart) {
  Write({.incidents = {Incident(1)}});
  EXPECT_TRUE(store_->HoldsPages());
  auto outbox = *store_->OpenOutbox();
  EXPECT_FALSE(Next(outbox.get()).has_value());
  ASSERT_TRUE(store_->ReleasePages({kNow, kNow}, 0).ok());
  EXPECT_FALSE(store_->HoldsPages());
  auto item = Next(outbox.get());
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(item->incident, Incident(1).id);
  EXPECT_EQ(item->action, Outbox::kTrigger);
  ASSERT_TRUE(outbox->Failed(*item, {kNow, kNow + kSecond, "HTTP 503"}, true).ok());
  EXPECT_TRUE((*reader()->DeliveryOf(item->incident))->failed);
  outbox.reset();
  Reopen();
  outbox = *store_->OpenOutbox();
  item = Next(outbox.get());
  ASSERT_TRUE(item.has_value());
  ASSERT_TRUE(outbox->Done(*item, kNow, "").ok());
  EXPECT_EQ(*outbox->Waiting(), 0);
  EXPECT_TRUE((*reader()->DeliveryOf(item->incident))->delivered);
  outbox.reset();
}

TEST_P(StoreSuite, HeldPage_IsReleasedByTheBootClock) {
  Write({.incidents = {Incident(1)}});
  ASSERT_TRUE(store_->ReleasePages({kNow, kNow}, 10).ok());
  ASSERT_TRUE(store_->ReleasePages({kNow + kDay, kNow + 9}, 10).ok());
  EXPECT_TRUE(store_->HoldsPages());
  ASSERT_TRUE(store_->ReleasePages({kNow - kDay, kNow + 10}, 10).ok());
  EXPECT_FALSE(store_->HoldsPages());
}

TEST_P(StoreSuite, IncidentThatChangesWhileItsPageIsSent_WaitsAgain) {
  Write({.incidents = {Incident(1)}});
  ASSERT_TRUE(store_->ReleasePages({kNow, kNow}, 0).ok());
  auto outbox = *store_->OpenOutbox();
  const auto item = Next(outbox.get());
  ASSERT_TRUE(item.has_value());
  model::Incident changed = Incident(1);
  changed.title = "escalated";
  Write({.incidents = {changed}});
  ASSERT_TRUE(outbox->Done(*item, kNow, "").ok());
  EXPECT_EQ(*outbox->Waiting(), 1);
  outbox.reset();
}

TEST_P(StoreSuite, IncidentThatEndsBeforeItsPageIsReleased_IsNeverSent) {
  Write({.incidents = {Incident(1)}});
  model::Incident resolved = Incident(1);
  resolved.state = model::IncidentState::kResolved;
  Write({.incidents = {resolved}});
  auto outbox = *store_->OpenOutbox();
  EXPECT_EQ(*outbox->Waiting(), 0);
  outbox.reset();
}

TEST_P(StoreSuite, NotifyingSwitchedOff_PutsNothingIntoTheOutbox) {
  store_->SetNotify(false);
  Write({.incidents = {Incident(1)}});
  auto outbox = *store_->OpenOutbox();
  EXPECT_EQ(*outbox->Waiting(), 0);
  outbox.reset();
}

TEST_P(StoreSuite, NewItem_WakesNotifiers) {
  const int64_t seen = store_->outbox_changes()->revision();
  Write({.sessions = {Session(1)}});
  EXPECT_EQ(store_->outbox_changes()->revision(), seen);
  Write({.incidents = {Incident(1)}});
  EXPECT_GT(store_->outbox_changes()->revision(), seen);
}

TEST_P(StoreSuite, RemovedItem_MakesWayForTheNextIncident) {
  auto outbox = *store_->OpenOutbox();
  EXPECT_EQ(*outbox->LastId(), 0);
  EXPECT_FALSE(Next(outbox.get()).has_value());
  Write({.incidents = {Incident(1)}});
  Write({.incidents = {Incident(2)}});
  ASSERT_TRUE(store_->ReleasePages({kNow, kNow}, 0).ok());
  const auto first = Next(outbox.get());
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->incident, Incident(1).id);
  const int64_t last = *outbox->LastId();
  EXPECT_GT(last, first->id);
  ASSERT_TRUE(outbox->Remove(*first).ok());
  EXPECT_FALSE((*reader()->DeliveryOf(Incident(1).id)).has_value()) << "it was never sent";
  const auto second = Next(outbox.get());
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->incident, Incident(2).id);
  EXPECT_EQ(second->id, last);
  EXPECT_EQ(*outbox->Waiting(), 1);
  ASSERT_TRUE(outbox->Done(*second, kNow, "").ok());
  EXPECT_EQ(*outbox->LastId(), 0);
  outbox.reset();
}

TEST_P(StoreSuite, ItemCompletedThroughOneAccess_IsGoneForEveryOther) {
  Write({.incidents = {Incident(1)}});
  ASSERT_TRUE(store_->ReleasePages({kNow, kNow}, 0).ok());
  auto one = *store_->OpenOutbox();
  auto other = *store_->OpenOutbox();
  const auto item = Next(one.get());
  ASSERT_TRUE(item.has_value());
  ASSERT_TRUE(one->Done(*item, kNow, "").ok());
  EXPECT_FALSE(Next(other.get()).has_value());
  one.reset();
  other.reset();
}

TEST_P(StoreSuite, Cursor_IsKeptForEachConsumer) {
  auto outbox = *store_->OpenOutbox();
  EXPECT_FALSE((*outbox->LoadCursor("one")).has_value());
  ASSERT_TRUE(outbox->SaveCursor("one", 5).ok());
  ASSERT_TRUE(outbox->SaveCursor("one", 6).ok());
  outbox.reset();
  Reopen();
  outbox = *store_->OpenOutbox();
  EXPECT_EQ(*outbox->LoadCursor("one"), 6);
  EXPECT_FALSE((*outbox->LoadCursor("other")).has_value());
  outbox.reset();
}

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_PAGES_SUITE_H_
