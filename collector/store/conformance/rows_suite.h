#ifndef HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_ROWS_SUITE_H_
#define HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_ROWS_SUITE_H_

// Written values are read back.

#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/store/conformance/suite_fixture.h"

namespace hoptrail::collector::store {

TEST_P(StoreSuite, WrittenValues_AreReadAndSurviveReopening) {
  WriteBatch batch{.sessions = {Session(1)},
                   .hops = {Hop(1)},
                   .detections = {Detection(1)},
                   .incidents = {Incident(1)}};
  batch.hosts[Session(1).host] = {
      .host_name = "gw", .state = HostState::kConnected, .acknowledged_sequence = 7};
  Write(batch);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(reader()->GetSession(Session(1).id)->session, Session(1));
    EXPECT_EQ(reader()->GetSession(Session(1).id)->host_name, "gw");
    EXPECT_EQ(reader()->GetHop(Hop(1).key)->hop, Hop(1).hop);
    EXPECT_EQ(reader()->GetDetection(Detection(1).id)->detection, Detection(1));
    EXPECT_EQ(reader()->GetDetection(Detection(1).id)->incident, Incident(1).id);
    EXPECT_EQ(*reader()->GetIncident(Incident(1).id), Incident(1));
    const auto snapshot = store_->LoadSnapshot();
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    EXPECT_THAT(snapshot->sessions, testing::ElementsAre(Session(1)));
    EXPECT_THAT(snapshot->hops, testing::ElementsAre(Hop(1)));
    EXPECT_THAT(snapshot->detections, testing::ElementsAre(Detection(1)));
    EXPECT_THAT(snapshot->incidents, testing::ElementsAre(Incident(1)));
    const auto hosts = store_->LoadHosts();
    ASSERT_TRUE(hosts.ok()) << hosts.status();
    ASSERT_EQ(hosts->size(), 1u);
    EXPECT_EQ(hosts->front().host_name, "gw");
    EXPECT_EQ(hosts->front().acknowledged_sequence, 7u);
    Reopen();
  }
  EXPECT_EQ(store_->LoadHosts()->front().state, HostState::kDisconnected)
      << "streams do not survive the process";
}

TEST_P(StoreSuite, SameId_ReplacesTheValueAndARemovedHopIsGone) {
  Write({.sessions = {Session(1)}, .hops = {Hop(1), Hop(2)}});
  model::Session changed = Session(1);
  changed.user = "other";
  StoredHop joined = Hop(1);
  joined.hop.client = wire::TestHopEnd();
  joined.hop.client->side = model::HopSide::kClient;
  joined.hop.proof = model::Proof::kProven;
  joined.hop.probability = 1;
  Write({.sessions = {changed}, .removed_hops = {Hop(2).key}, .hops = {joined}});
  EXPECT_EQ(reader()->GetSession(changed.id)->session.user, "other");
  EXPECT_EQ(reader()->ListSessions({}, std::nullopt, 10)->items.size(), 1u);
  EXPECT_EQ(reader()->GetHop(Hop(2).key).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(*reader()->GetHop(Hop(1).key), joined);
  EXPECT_EQ(reader()->ListHops({}, std::nullopt, 10)->items.size(), 1u);
}

TEST_P(StoreSuite, AcknowledgedSequence_NeverDecreasesAndAbsentFieldsStay) {
  const model::HostId host = wire::TestHost();
  WriteBatch batch;
  batch.hosts[host] = {.host_name = "gw", .acknowledged_sequence = 9};
  Write(batch);
  batch.hosts[host] = {.acknowledged_sequence = 4};
  Write(batch);
  const auto hosts = store_->LoadHosts();
  ASSERT_EQ(hosts->size(), 1u);
  EXPECT_EQ(hosts->front().acknowledged_sequence, 9u);
  EXPECT_EQ(hosts->front().host_name, "gw");
}

TEST_P(StoreSuite, EdgesOfOneMinute_AddUpForEachProtocol) {
  model::EdgeCount edge = Edge();
  Write({.edges = {edge, edge}});
  Write({.edges = {edge}});
  edge.protocol = model::kProtocolUdp;
  Write({.edges = {edge, edge}});
  EXPECT_EQ(reader()->ListEdges({}, std::nullopt, 10)->items.size(), 2u);
  EdgeFilter filter;
  filter.protocol = model::kProtocolTcp;
  auto page = reader()->ListEdges(filter, std::nullopt, 10);
  ASSERT_EQ(page->items.size(), 1u);
  EXPECT_EQ(page->items[0].host, edge.host);
  EXPECT_EQ(page->items[0].connections, 3 * edge.connections);
  filter.protocol = model::kProtocolUdp;
  page = reader()->ListEdges(filter, std::nullopt, 10);
  ASSERT_EQ(page->items.size(), 1u);
  EXPECT_EQ(page->items[0].connections, 2 * edge.connections);
}

TEST_P(StoreSuite, MissingRow_IsNotFound) {
  const auto code = [](const auto& value) { return value.status().code(); };
  EXPECT_EQ(code(reader()->GetSession(Session(1).id)), absl::StatusCode::kNotFound);
  EXPECT_EQ(code(reader()->GetHop(Hop(1).key)), absl::StatusCode::kNotFound);
  EXPECT_EQ(code(reader()->GetDetection(Detection(1).id)), absl::StatusCode::kNotFound);
  EXPECT_EQ(code(reader()->GetIncident(Incident(1).id)), absl::StatusCode::kNotFound);
  EXPECT_EQ(code(reader()->GetHost(Host(1, 1).machine)), absl::StatusCode::kNotFound);
}

TEST_P(StoreSuite, BorrowedReaders_ReturnToTheStore) {
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(reader()->Revision().ok());
}

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_ROWS_SUITE_H_
