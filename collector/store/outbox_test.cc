#include "collector/store/outbox.h"

#include <gtest/gtest.h>

#include "collector/store/store_fixture.h"

namespace hoptrail::collector::store {
namespace {

TEST_F(StoreTest, OutboxCoalescesWhatWaitsAndKeepsTheOrder) {
  auto outbox = store_->OpenOutbox();
  ASSERT_TRUE(outbox.ok());
  model::Incident incident = wire::TestIncident();
  incident.merged_into = {};
  incident.state = model::IncidentState::kOpen;
  Write({.incidents = {incident}});
  incident.title = "grew";
  Write({.incidents = {incident}});
  incident.updated_wall_ns += 5;  // not worth a page
  Write({.incidents = {incident}});
  EXPECT_EQ((*outbox)->Waiting().value(), 1);
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
  model::Incident incident = wire::TestIncident();
  incident.merged_into = {};
  Write({.incidents = {incident}});
  auto item = (*outbox)->Next(kNow);
  ASSERT_TRUE((*outbox)->Retry(**item, kNow + 10, "503").ok());
  EXPECT_FALSE((*outbox)->Next(kNow)->has_value());
  EXPECT_EQ((*outbox)->NextDue()->value(), kNow + 10);
  Reopen();
  outbox = store_->OpenOutbox();
  item = (*outbox)->Next(kNow + 10);
  ASSERT_TRUE(item.ok() && item->has_value());
  EXPECT_EQ((*item)->attempts, 1);
  ASSERT_TRUE((*outbox)->Park(**item, "400").ok());
  EXPECT_FALSE((*outbox)->Next(kNow + kDay)->has_value());
  EXPECT_EQ((*outbox)->Parked().value(), 1);
}

}  // namespace
}  // namespace hoptrail::collector::store
