#include "collector/store/store.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "collector/store/store_fixture.h"

namespace hoptrail::collector::store {
namespace {

TEST_F(StoreTest, EverythingComesBackAfterReopening) {
  WriteBatch batch;
  batch.sessions = {wire::TestSession()};
  batch.hops = {TestHop(9)};
  batch.detections = {wire::TestDetection()};
  batch.incidents = {wire::TestIncident()};
  Write(batch);
  Reopen();
  auto all = store_->writer()->LoadSnapshot();
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->sessions, batch.sessions);
  EXPECT_EQ(all->hops, batch.hops);
  EXPECT_EQ(all->detections, batch.detections);
  EXPECT_EQ(all->incidents, batch.incidents);
}

TEST_F(StoreTest, HopIsReplacedAndRemovedByItsKey) {
  Write({.hops = {TestHop(1), TestHop(2)}});
  path::StoredHop joined = TestHop(1);
  joined.hop.client = wire::TestHopEnd();
  joined.hop.client->side = model::HopSide::kClient;
  joined.hop.proof = model::Proof::kProven;
  joined.hop.probability = 1;
  Write({.removed_hops = {TestHop(2).key}, .hops = {joined}});
  auto page = reader()->ListHops({}, std::nullopt, 10);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->items.size(), 1u);
  EXPECT_EQ(page->items[0].proof(), v1::PROVEN);
}

TEST_F(StoreTest, AcknowledgedNumbersNeverGoBackAndStreamsDoNotSurvive) {
  WriteBatch batch;
  batch.hosts[wire::TestHost()] = {.host_name = "gw",
                                   .state = HostState::kConnected,
                                   .last_seen_wall_ns = kNow,
                                   .acknowledged_sequence = 7};
  Write(batch);
  WriteBatch lower;
  lower.hosts[wire::TestHost()] = {.acknowledged_sequence = 5};
  Write(lower);
  Reopen();
  auto hosts = store_->writer()->LoadHosts();
  ASSERT_TRUE(hosts.ok());
  ASSERT_EQ(hosts->size(), 1u);
  EXPECT_EQ(hosts->front().acknowledged_sequence, 7u);
  EXPECT_EQ(hosts->front().host_name, "gw");
  EXPECT_EQ(hosts->front().state, HostState::kDisconnected);
}

TEST_F(StoreTest, EdgesOfOneMinuteAddUp) {
  const auto edge = std::get<model::EdgeCount>(wire::TestFacts()[3]);
  Write({.edges = {edge}});
  Write({.edges = {edge}});
  auto page = reader()->ListEdges({}, std::nullopt, 10);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->items.size(), 1u);
  EXPECT_EQ(page->items[0].connections(), 2 * edge.connections);
}

TEST_F(StoreTest, EdgesOfOtherProtocolsAreOthers) {
  auto edge = std::get<model::EdgeCount>(wire::TestFacts()[3]);
  Write({.edges = {edge}});
  edge.protocol = model::kProtocolUdp;
  Write({.edges = {edge, edge}});
  EdgeFilter filter;
  filter.protocol = model::kProtocolUdp;
  auto page = reader()->ListEdges(filter, std::nullopt, 10);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->items.size(), 1u);
  EXPECT_EQ(page->items[0].protocol(), 17u);
  EXPECT_EQ(page->items[0].connections(), 2 * edge.connections);
  EXPECT_EQ(reader()->ListEdges({}, std::nullopt, 10)->items.size(), 2u);
}

TEST_F(StoreTest, PagesHaveEveryRowOnceNewestFirst) {
  WriteBatch batch;
  // Two of each time: the id must tell them apart across a page's end.
  for (uint8_t n = 1; n <= 20; ++n) batch.sessions.push_back(SessionAt(n, kNow + n / 2));
  Write(batch);
  std::vector<std::string> names;
  std::optional<Cursor> after;
  do {
    auto page = reader()->ListSessions({}, after, 3);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->items.size(), 3u);
    for (const auto& session : page->items) names.push_back(session.name());
    after = page->next;
  } while (after);
  ASSERT_EQ(names.size(), 20u);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
}

TEST_F(StoreTest, SessionsAreFoundByAUniqueBeginning) {
  model::Session other = wire::TestSession();
  other.id.bytes[15] = 1;
  Write({.sessions = {wire::TestSession(), other}});
  EXPECT_EQ(reader()->FindSession("0100").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(reader()->FindSession(std::string("01") + std::string(30, '0')).value(),
            wire::TestSession().id);
  EXPECT_EQ(reader()->FindSession("ffff").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(reader()->FindSession("010").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(reader()->FindSession("01zz").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(StoreTest, RevisionsOrderChangesAndTheSameAgainIsNone) {
  Write({.detections = {wire::TestDetection()}});
  const int64_t first = store_->changes()->revision();
  Write({.detections = {wire::TestDetection()}});
  EXPECT_EQ(store_->changes()->revision(), first);
  model::Detection more = wire::TestDetection();
  more.evidence["more"] = "yes";
  Write({.detections = {more}});
  EXPECT_GT(store_->changes()->revision(), first);
  auto changes = reader()->DetectionsAfter({}, first, 10);
  ASSERT_TRUE(changes.ok());
  ASSERT_EQ(changes->size(), 1u);
  EXPECT_EQ(changes->front().value.evidence().at("more"), "yes");
  const int64_t last = store_->changes()->revision();
  Reopen();
  EXPECT_EQ(store_->changes()->revision(), last);
}

TEST_F(StoreTest, DetectionKnowsItsIncidentUntilItLeaves) {
  model::Incident incident = wire::TestIncident();
  incident.merged_into = {};
  Write({.detections = {wire::TestDetection()}, .incidents = {incident}});
  EXPECT_EQ(reader()->GetDetection(wire::TestDetection().id)->incident(),
            "incidents/" + model::ToString(incident.id));
  incident.detections.clear();
  Write({.incidents = {incident}});
  EXPECT_EQ(reader()->GetDetection(wire::TestDetection().id)->incident(), "");
}

}  // namespace
}  // namespace hoptrail::collector::store
