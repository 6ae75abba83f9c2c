#ifndef HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_CHANGES_SUITE_H_
#define HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_CHANGES_SUITE_H_

// The change feed, and what joins detections to sessions and incidents.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/store/conformance/suite_fixture.h"

namespace hoptrail::collector::store {

TEST_P(StoreSuite, ChangeFeed_HasEachChangeOnceInOrderAndNoRepetition) {
  Write({.detections = {Detection(1), Detection(2)}});
  const int64_t first = *reader()->Revision();
  EXPECT_EQ(store_->changes()->revision(), first);
  Write({.detections = {Detection(1)}});
  EXPECT_EQ(*reader()->Revision(), first) << "nothing has changed";
  model::Detection changed = Detection(1);
  changed.summary = "more of it";
  Write({.detections = {changed}});
  const auto all = reader()->DetectionsAfter({}, 0, 10);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].value.detection.id, Detection(2).id);
  EXPECT_EQ((*all)[1].value.detection, changed);
  EXPECT_LT((*all)[0].revision, (*all)[1].revision);
  EXPECT_EQ(reader()->DetectionsAfter({}, first, 10)->size(), 1u);
  EXPECT_GT(store_->changes()->revision(), first);
  const std::string epoch = *reader()->Epoch();
  Reopen();
  EXPECT_EQ(*reader()->Epoch(), epoch);
  EXPECT_GT(*reader()->Revision(), first);
}

TEST_P(StoreSuite, IncidentFeed_HasEachChangeOnceInOrder) {
  Write({.incidents = {Incident(1), Incident(2)}});
  const int64_t first = *reader()->Revision();
  Write({.incidents = {Incident(2)}});
  EXPECT_EQ(*reader()->Revision(), first) << "nothing has changed";
  model::Incident changed = Incident(1);
  changed.state = model::IncidentState::kResolved;
  Write({.incidents = {changed}});
  const auto all = reader()->IncidentsAfter({}, 0, 10);
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].value, Incident(2));
  EXPECT_EQ((*all)[1].value, changed);
  EXPECT_LT((*all)[0].revision, (*all)[1].revision);
  EXPECT_EQ(reader()->IncidentsAfter({}, first, 10)->size(), 1u);
  EXPECT_EQ(reader()->IncidentsAfter({}, (*all)[1].revision, 10)->size(), 0u);
  EXPECT_EQ(reader()->IncidentsAfter({}, 0, 1)->at(0).value, Incident(2)) << "the limit";
  IncidentFilter open;
  open.state = model::IncidentState::kOpen;
  EXPECT_EQ(reader()->IncidentsAfter(open, first, 10)->size(), 0u);
  EXPECT_EQ(reader()->IncidentsAfter(open, 0, 10)->size(), 1u);
}

TEST_P(StoreSuite, DetectionsOfASession_AreReadOldestFirst) {
  model::Detection foreign = Detection(3);
  foreign.session = Session(2).id;
  Write({.detections = {Detection(2)}});
  Write({.detections = {foreign}});
  Write({.detections = {Detection(1)}});
  const auto own = reader()->DetectionsOf(Session(1).id, 10);
  ASSERT_TRUE(own.ok()) << own.status();
  ASSERT_EQ(own->size(), 2u);
  EXPECT_EQ((*own)[0].detection, Detection(2));
  EXPECT_EQ((*own)[1].detection, Detection(1));
  EXPECT_EQ(reader()->DetectionsOf(Session(1).id, 1)->at(0).detection, Detection(2));
  EXPECT_TRUE(reader()->DetectionsOf(Session(9).id, 10)->empty());
}

TEST_P(StoreSuite, Detection_NamesItsIncidentUntilTheIncidentDropsIt) {
  model::Incident incident = Incident(1);
  Write({.detections = {Detection(1)}, .incidents = {incident}});
  EXPECT_EQ(reader()->GetDetection(Detection(1).id)->incident, incident.id);
  const int64_t before = *reader()->Revision();
  incident.detections.clear();
  Write({.incidents = {incident}});
  EXPECT_FALSE(reader()->GetDetection(Detection(1).id)->incident.has_value());
  EXPECT_EQ(reader()->DetectionsAfter({}, before, 10)->size(), 1u) << "watchers see it, too";
}

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_CHANGES_SUITE_H_
