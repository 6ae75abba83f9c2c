#ifndef HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_RETENTION_SUITE_H_
#define HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_RETENTION_SUITE_H_

// Old rows and unlisted hosts are removed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/store/conformance/suite_fixture.h"

namespace hoptrail::collector::store {

TEST_P(StoreSuite, Retention_RemovesOldSessionsAndKeepsThoseOfOpenIncidents) {
  const absl::Status written = store_->Write(
      {.sessions = {Session(1, kNow, true), Session(2, kNow, true)}, .incidents = {Incident(1)}},
      kNow - 60 * kDay);
  ASSERT_TRUE(written.ok()) << written;
  Write({.sessions = {Session(3, kNow - 60 * kDay, true)}});  // the host's clock is wrong
  ASSERT_EQ(store_->max_age_ns(), RetentionLimits().max_age_ns);
  auto removed = store_->ApplyRetention(kNow);
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_EQ(*removed, 1);
  EXPECT_TRUE(reader()->GetSession(Session(1).id).ok()) << "on an open incident's path";
  EXPECT_FALSE(reader()->GetSession(Session(2).id).ok());
  EXPECT_TRUE(reader()->GetSession(Session(3).id).ok());
  store_->SetRetention({.max_age_ns = 90 * kDay});
  EXPECT_EQ(store_->max_age_ns(), 90 * kDay);
}

TEST_P(StoreSuite, UnlistedHost_IsForgottenWhenNoSessionNamesIt) {
  WriteBatch batch{.sessions = {Session(1)}};
  model::HostId other = wire::TestHost();
  other.machine.bytes[1] = 9;
  for (const model::HostId& host : {Session(1).host, other}) {
    batch.hosts[host] = {.listed = false, .last_seen_wall_ns = kNow - 60 * kDay};
  }
  Write(batch);
  EXPECT_THAT(*store_->ForgetHosts(kNow - 30 * kDay), testing::ElementsAre(other));
}

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_RETENTION_SUITE_H_
