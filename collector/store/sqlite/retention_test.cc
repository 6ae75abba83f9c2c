#include "collector/store/sqlite/retention.h"

#include <cstdint>

#include <gtest/gtest.h>

#include "collector/store/sqlite/store_fixture.h"

namespace hoptrail::collector::store {
namespace {

TEST_F(StoreTest, OldSessions_AreRemovedUnlessTheirIncidentIsOpen) {
  model::Incident incident = wire::TestIncident();
  incident.state = model::IncidentState::kOpen;
  incident.merged_into = {};
  incident.sessions = {wire::TestSessionId(1)};
  Write({.sessions = {SessionAt(1, kNow), SessionAt(2, kNow)}, .incidents = {incident}},
        kNow - 40 * kDay);
  Write({.sessions = {SessionAt(3, kNow - 40 * kDay)}}, kNow - kDay);
  EXPECT_EQ(store_->ApplyRetention(kNow).value(), 1);
  EXPECT_TRUE(reader()->GetSession(wire::TestSessionId(1)).ok());
  EXPECT_FALSE(reader()->GetSession(wire::TestSessionId(2)).ok());
  EXPECT_TRUE(reader()->GetSession(wire::TestSessionId(3)).ok());
  incident.state = model::IncidentState::kResolved;
  incident.updated_wall_ns = kNow;
  Write({.incidents = {incident}});
  EXPECT_EQ(store_->ApplyRetention(kNow).value(), 0) << "resolved only now";
  EXPECT_EQ(store_->ApplyRetention(kNow + 31 * kDay).value(), 2) << "session 3 and the incident";
}

// An intruder can set the host's clock.
TEST_F(StoreTest, HostsOwnClock_DoesNotDecideWhatIsRemoved) {
  const int64_t wrong = 1;  // 1970
  WriteBatch batch{.sessions = {SessionAt(1, wrong)}, .hops = {TestHop(1)}};
  batch.hops[0].hop.server->established_wall_ns = wrong;
  model::Detection detection = wire::TestDetection();
  detection.wall_ns = wrong;
  batch.detections = {detection};
  auto attempt = std::get<model::LoginAttempt>(wire::TestFacts()[2]);
  attempt.wall_ns = wrong;
  batch.login_attempts = {attempt};
  auto edge = std::get<model::EdgeCount>(wire::TestFacts()[3]);
  edge.minute_wall_ns = wrong;
  batch.edges = {edge};
  model::Loss loss;
  loss.host = wire::TestHost();
  loss.until_wall_ns = wrong;
  batch.losses = {loss};
  Write(batch);
  EXPECT_EQ(store_->ApplyRetention(kNow).value(), 0);
  EXPECT_EQ(store_->ApplyRetention(kNow + 29 * kDay).value(), 0);
  EXPECT_EQ(store_->ApplyRetention(kNow + 31 * kDay).value(), 6);
}

TEST_F(StoreTest, ReportedSession_IsAsOldAsItsLastReport) {
  Write({.sessions = {SessionAt(1, kNow)}}, kNow - 40 * kDay);
  Write({.sessions = {SessionAt(1, kNow)}}, kNow - kDay);
  EXPECT_EQ(store_->ApplyRetention(kNow).value(), 0);
  EXPECT_EQ(store_->ApplyRetention(kNow + 31 * kDay).value(), 1);
}

TEST_F(StoreTest, StoreAboveItsSize_LosesFactsBeforeIncidents) {
  options_.retention.max_bytes = 1 << 20;
  Reopen();
  model::Incident incident = wire::TestIncident();
  incident.sessions = {wire::TestSessionId(1)};
  WriteBatch batch{.sessions = {SessionAt(1, kNow - kDay)}, .incidents = {incident}};
  for (int i = 0; i < 20'000; ++i) {
    auto edge = std::get<model::EdgeCount>(wire::TestFacts()[3]);
    edge.uid = static_cast<uint32_t>(i);
    batch.edges.push_back(edge);
  }
  Write(batch);
  ASSERT_GT(store_->writer()->database()->UsedBytes().value(), 1 << 20);
  EXPECT_GT(store_->ApplyRetention(kNow).value(), 0);
  EXPECT_LE(store_->writer()->database()->UsedBytes().value(), 1 << 20);
  EXPECT_TRUE(reader()->GetIncident(incident.id).ok());
  EXPECT_TRUE(reader()->GetSession(wire::TestSessionId(1)).ok());
}

TEST_F(StoreTest, LoginAttempts_AreBounded) {
  options_.writer.max_login_attempts = 10;
  Reopen();
  WriteBatch batch;
  for (int i = 0; i < 25; ++i) {
    batch.login_attempts.push_back(std::get<model::LoginAttempt>(wire::TestFacts()[2]));
  }
  Write(batch);
  auto count = store_->writer()->database()->Prepare("SELECT count(*) FROM login_attempts");
  ASSERT_TRUE(count->Step().value());
  EXPECT_EQ(count->Int(0), 10);
}

}  // namespace
}  // namespace hoptrail::collector::store
