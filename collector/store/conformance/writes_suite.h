#ifndef HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_WRITES_SUITE_H_
#define HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_WRITES_SUITE_H_

// A write that fails.

#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/store/conformance/suite_fixture.h"

namespace hoptrail::collector::store {

TEST_P(StoreSuite, FailedWrite_LeavesNothingBehindAndIsTroubleUntilOneSucceeds) {
  EXPECT_FALSE(store_->trouble().has_value());
  WriteBatch batch{.sessions = {Session(1)},
                   .hops = {Hop(1)},
                   .detections = {Detection(1)},
                   .incidents = {Incident(1)},
                   .edges = {Edge()}};
  batch.hosts[Host(1, 1)] = {.connected_wall_ns = kNow, .host_name = "gw"};
  GetParam().refuse_incidents(store_.get());
  const int64_t revision = store_->changes()->revision();
  EXPECT_FALSE(store_->Write(batch, kNow).ok());
  EXPECT_FALSE(reader()->GetSession(Session(1).id).ok());
  EXPECT_FALSE(reader()->GetHop(Hop(1).key).ok());
  EXPECT_FALSE(reader()->GetDetection(Detection(1).id).ok());
  EXPECT_FALSE(reader()->GetIncident(Incident(1).id).ok());
  EXPECT_FALSE(reader()->GetHost(Host(1, 1).machine).ok());
  EXPECT_TRUE(reader()->ListEdges({}, std::nullopt, 10)->items.empty());
  EXPECT_EQ(store_->changes()->revision(), revision);
  EXPECT_EQ(*reader()->Revision(), revision);
  EXPECT_EQ(*(*store_->OpenOutbox())->Waiting(), 0);
  EXPECT_FALSE(store_->HoldsPages());
  ASSERT_TRUE(store_->trouble().has_value());
  EXPECT_EQ(store_->trouble()->kind, model::DegradationKind::kCollectorStoreReadOnly);
  EXPECT_EQ(store_->trouble()->since_wall_ns, kNow);
  EXPECT_FALSE(store_->trouble()->detail.empty());
  EXPECT_FALSE(store_->Write(batch, kNow + kSecond).ok());
  EXPECT_EQ(store_->trouble()->since_wall_ns, kNow) << "since the first failure";
  batch.incidents.clear();
  Write(batch);
  EXPECT_FALSE(store_->trouble().has_value());
  EXPECT_EQ(reader()->ListEdges({}, std::nullopt, 10)->items.at(0).connections, Edge().connections)
      << "the failed writes added nothing";
}

TEST_P(StoreSuite, CheckWritable_EndsTheTrouble) {
  GetParam().refuse_incidents(store_.get());
  ASSERT_FALSE(store_->Write({.incidents = {Incident(1)}}, kNow).ok());
  ASSERT_TRUE(store_->trouble().has_value());
  EXPECT_TRUE(store_->CheckWritable(kNow).ok());
  EXPECT_FALSE(store_->trouble().has_value());
}

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_WRITES_SUITE_H_
