#ifndef HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_ROWS_SUITE_H_
#define HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_ROWS_SUITE_H_

// What was written is read, listed, found and announced.

#include <optional>
#include <string>
#include <variant>
#include <vector>

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
  Write({.sessions = {changed}, .removed_hops = {Hop(2).key}});
  EXPECT_EQ(reader()->GetSession(changed.id)->session.user, "other");
  EXPECT_EQ(reader()->ListSessions({}, std::nullopt, 10)->items.size(), 1u);
  EXPECT_EQ(reader()->GetHop(Hop(2).key).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(reader()->GetHop(Hop(1).key).ok());
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

TEST_P(StoreSuite, Lists_ContainEveryRowOnceNewestFirst) {
  for (uint8_t i = 1; i <= 7; ++i) Write({.sessions = {Session(i)}});
  std::vector<model::SessionId> seen;
  std::optional<Cursor> after;
  do {
    const auto page = reader()->ListSessions({}, after, 3);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const SessionView& view : page->items) seen.push_back(view.session.id);
    after = page->next;
  } while (after);
  ASSERT_EQ(seen.size(), 7u);
  for (uint8_t i = 0; i < 7; ++i) EXPECT_EQ(seen[i], wire::TestSessionId(7 - i));
}

TEST_P(StoreSuite, Filters_NarrowLists) {
  model::Session other = Session(2);
  other.user = "other";
  Write({.sessions = {Session(1), other}, .detections = {Detection(1)}});
  SessionFilter by_user;
  by_user.user = "other";
  const auto sessions = reader()->ListSessions(by_user, std::nullopt, 10);
  ASSERT_EQ(sessions->items.size(), 1u);
  EXPECT_EQ(sessions->items[0].session.id, other.id);
  DetectionFilter by_rule;
  by_rule.rule = Detection(1).rule;
  EXPECT_EQ(reader()->ListDetections(by_rule, std::nullopt, 10)->items.size(), 1u);
  by_rule.rule = "no such rule";
  EXPECT_EQ(reader()->ListDetections(by_rule, std::nullopt, 10)->items.size(), 0u);
}

TEST_P(StoreSuite, Edges_OfOneMinuteAddUp) {
  const auto edge = std::get<model::EdgeCount>(wire::TestFacts()[3]);
  Write({.edges = {edge, edge}});
  const auto page = reader()->ListEdges({}, std::nullopt, 10);
  ASSERT_EQ(page->items.size(), 1u);
  EXPECT_EQ(page->items[0].host, edge.host);
  EXPECT_EQ(page->items[0].connections, 2 * edge.connections);
}

TEST_P(StoreSuite, BeginningOfAnId_FindsTheOnlyMatch) {
  model::Session near = Session(1);
  near.id.bytes[15] = 1;
  Write({.sessions = {Session(1), Session(2), near}});
  EXPECT_EQ(*reader()->FindSession("0200"), Session(2).id);
  EXPECT_EQ(reader()->FindSession("0100").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(reader()->FindSession("ffff").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(reader()->FindSession("02").status().code(), absl::StatusCode::kInvalidArgument);
}

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

TEST_P(StoreSuite, BorrowedReaders_ReturnToTheStore) {
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(reader()->Revision().ok());
  EXPECT_FALSE(store_->trouble().has_value());
  EXPECT_TRUE(store_->CheckWritable(kNow).ok());
}

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_ROWS_SUITE_H_
