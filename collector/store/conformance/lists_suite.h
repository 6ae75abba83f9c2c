#ifndef HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_LISTS_SUITE_H_
#define HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_LISTS_SUITE_H_

// Lists: their order and their pages.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/store/conformance/suite_fixture.h"

namespace hoptrail::collector::store {

TEST_P(StoreSuite, Pages_ContainEveryRowOnceNewestFirst) {
  WriteBatch batch;
  // Two rows of each time: where a page ends, the id must distinguish them.
  for (uint8_t i = 1; i <= 20; ++i) batch.sessions.push_back(Session(i, kNow + i / 2));
  Write(batch);
  for (uint8_t i = 21; i <= 23; ++i) Write({.sessions = {Session(i)}});
  const auto rows = ReadAll<SessionView>(
      [this](const auto& after) { return reader()->ListSessions({}, after, 3); }, 3);
  std::vector<int> numbers;
  for (const SessionView& view : rows) numbers.push_back(view.session.id.bytes[0]);
  ASSERT_EQ(numbers.size(), 23u);
  EXPECT_THAT(std::vector<int>(numbers.begin(), numbers.begin() + 3),
              testing::ElementsAre(23, 22, 21));
  std::vector<int> all;
  for (int i = 1; i <= 23; ++i) all.push_back(i);
  EXPECT_THAT(numbers, testing::UnorderedElementsAreArray(all));
}

TEST_P(StoreSuite, HostsWithDifferentClocks_HaveTheirRowsListedByArrival) {
  const auto put = [this](uint8_t number, int64_t time) {
    StoredHop hop = Hop(number);
    hop.hop.server->established_wall_ns = time;
    model::Detection detection = Detection(number);
    detection.wall_ns = time;
    model::EdgeCount edge = Edge();
    edge.minute_wall_ns = time - time % 60'000'000'000;
    edge.uid = number;
    Write({.sessions = {Session(number, time)},
           .hops = {hop},
           .detections = {detection},
           .edges = {edge}});
  };
  put(3, kNow + kDay);  // a clock one day ahead, received first
  put(1, kNow);
  put(2, kNow - kDay);                             // a clock one day behind, received last
  Write({.sessions = {Session(3, kNow + kDay)}});  // the first one is updated
  const auto is_by_arrival = testing::ElementsAre(2, 1, 3);
  // Pages of one row test the cursor as well.
  std::vector<int> numbers;
  for (const SessionView& view : ReadAll<SessionView>(
           [this](const auto& after) { return reader()->ListSessions({}, after, 1); }, 1)) {
    numbers.push_back(view.session.id.bytes[0]);
  }
  EXPECT_THAT(numbers, is_by_arrival) << "sessions";
  numbers.clear();
  for (const StoredHop& hop : ReadAll<StoredHop>(
           [this](const auto& after) { return reader()->ListHops({}, after, 1); }, 1)) {
    numbers.push_back(hop.key.bytes[0]);
  }
  EXPECT_THAT(numbers, is_by_arrival) << "hops";
  numbers.clear();
  for (const DetectionView& view : ReadAll<DetectionView>(
           [this](const auto& after) { return reader()->ListDetections({}, after, 1); }, 1)) {
    numbers.push_back(view.detection.id.bytes[0]);
  }
  EXPECT_THAT(numbers, is_by_arrival) << "detections";
  numbers.clear();
  for (const model::EdgeCount& edge : ReadAll<model::EdgeCount>(
           [this](const auto& after) { return reader()->ListEdges({}, after, 1); }, 1)) {
    numbers.push_back(static_cast<int>(edge.uid));
  }
  EXPECT_THAT(numbers, is_by_arrival) << "edges";
}

TEST_P(StoreSuite, RepeatedDetection_IsListedFirstAgainAndAChangedOneIsNot) {
  model::Detection first = Detection(1);
  Write({.detections = {first}});
  Write({.detections = {Detection(2)}});
  const auto newest = [this] {
    return reader()->ListDetections({}, std::nullopt, 1)->items.at(0).detection.id;
  };
  first.evidence["more"] = "yes";
  Write({.detections = {first}});
  EXPECT_EQ(newest(), Detection(2).id);
  first.wall_ns += 1;
  Write({.detections = {first}});
  EXPECT_EQ(newest(), first.id);
}

TEST_P(StoreSuite, Incidents_AreListedByTheirLastChangeWhateverTheClockSaid) {
  model::Incident other = Incident(2);
  other.updated_wall_ns = kNow + kDay;
  Write({.incidents = {other}});
  Write({.incidents = {Incident(1)}});
  const auto listed = [this] {
    std::vector<int> numbers;
    for (const model::Incident& incident : ReadAll<model::Incident>(
             [this](const auto& after) { return reader()->ListIncidents({}, after, 1); }, 1)) {
      numbers.push_back(incident.id.bytes[0]);
    }
    return numbers;
  };
  EXPECT_THAT(listed(), testing::ElementsAre(1, 2));
  other.title = "escalated";
  other.updated_wall_ns = kNow;
  Write({.incidents = {other}});
  EXPECT_THAT(listed(), testing::ElementsAre(2, 1));
}

TEST_P(StoreSuite, Hosts_AreListedByName) {
  Connect(Host(1, 1), "web", kNow);
  Connect(Host(2, 1), "db", kNow);
  Connect(Host(3, 1), "db", kNow);
  Connect(Host(4, 1), "gw", kNow);
  std::vector<std::string> names;
  for (const HostView& host : ReadAll<HostView>(
           [this](const auto& after) { return reader()->ListHosts({}, after, 1); }, 1)) {
    names.push_back(host.host_name);
  }
  EXPECT_THAT(names, testing::ElementsAre("db (aa020000)", "db (aa030000)", "gw", "web"));
}

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_LISTS_SUITE_H_
