#include "collector/api/message_reader.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "collector/api/api_fixture.h"
#include "core/wire/detection.h"

namespace hoptrail::collector::api {
namespace {

using namespace store;  // NOLINT(google-build-using-namespace): the fixture's namespace

TEST_F(ApiTest, Reopening_RestoresSessionsHopsDetectionsAndIncidents) {
  WriteBatch batch;
  batch.sessions = {wire::TestSession()};
  batch.hops = {TestHop(9)};
  batch.detections = {wire::TestDetection()};
  batch.incidents = {wire::TestIncident()};
  Write(batch);
  Reopen();
  auto all = store_->LoadSnapshot();
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->sessions, batch.sessions);
  EXPECT_EQ(all->hops, batch.hops);
  EXPECT_EQ(all->detections, batch.detections);
  EXPECT_EQ(all->incidents, batch.incidents);
}

TEST_F(ApiTest, HopOfTheSameId_IsReplacedAndARemovedHopIsGone) {
  Write({.hops = {TestHop(1), TestHop(2)}});
  StoredHop joined = TestHop(1);
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

TEST_F(ApiTest, Reopening_KeepsTheHighestAcknowledgedSequenceAndDisconnectsHosts) {
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
  auto hosts = store_->LoadHosts();
  ASSERT_TRUE(hosts.ok());
  ASSERT_EQ(hosts->size(), 1u);
  EXPECT_EQ(hosts->front().acknowledged_sequence, 7u);
  EXPECT_EQ(hosts->front().host_name, "gw");
  EXPECT_EQ(hosts->front().state, HostState::kDisconnected);
}

TEST_F(ApiTest, EdgesOfOneMinute_AddUp) {
  const auto edge = std::get<model::EdgeCount>(wire::TestFacts()[3]);
  Write({.edges = {edge}});
  Write({.edges = {edge}});
  auto page = reader()->ListEdges({}, std::nullopt, 10);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->items.size(), 1u);
  EXPECT_EQ(page->items[0].connections(), 2 * edge.connections);
}

TEST_F(ApiTest, EdgesOfAnotherProtocol_AreCountedSeparately) {
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

TEST_F(ApiTest, Pages_ContainEveryRowOnce) {
  WriteBatch batch;
  // Two rows of each time: where a page ends, the id must distinguish them.
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

TEST_F(ApiTest, HostsWithDifferentClocks_ListsAreOrderedByArrival) {
  const auto edge = std::get<model::EdgeCount>(wire::TestFacts()[3]);
  const auto put = [&](uint8_t number, int64_t time) {
    StoredHop hop = TestHop(number);
    hop.hop.server->established_wall_ns = time;
    model::Detection detection = wire::TestDetection();
    detection.id.bytes[0] = number;
    detection.wall_ns = time;
    model::EdgeCount count = edge;
    count.minute_wall_ns = time - time % 60'000'000'000;
    count.uid = number;
    Write({.sessions = {SessionAt(number, time)},
           .hops = {hop},
           .detections = {detection},
           .edges = {count}});
  };
  put(3, kNow + kDay);  // a clock one day ahead, received first
  put(1, kNow);
  put(2, kNow - kDay);                               // a clock one day behind, received last
  Write({.sessions = {SessionAt(3, kNow + kDay)}});  // the first one is updated
  const auto order = [this](auto list) {
    std::string numbers;
    std::optional<Cursor> after;
    do {
      auto page = list(after);
      EXPECT_TRUE(page.ok()) << page.status();
      for (const auto& item : page->items) numbers += item;
      after = page->next;
    } while (after && numbers.size() < 10);
    return numbers;
  };
  // Pages of one row, so that the cursor is tested too. Each row is shown as a digit of its name.
  const auto digits = [](auto page, auto digit) -> absl::StatusOr<Page<std::string>> {
    if (!page.ok()) return page.status();
    Page<std::string> words;
    words.next = page->next;
    for (const auto& item : page->items) words.items.push_back(digit(item));
    return words;
  };
  EXPECT_EQ(order([&](const auto& after) {
              return digits(reader()->ListSessions({}, after, 1),
                            [](const v1::Session& s) { return s.name().substr(10, 1); });
            }),
            "213");
  EXPECT_EQ(order([&](const auto& after) {
              return digits(reader()->ListDetections({}, after, 1),
                            [](const v1::Detection& d) { return d.name().substr(12, 1); });
            }),
            "213");
  EXPECT_EQ(order([&](const auto& after) {
              return digits(reader()->ListEdges({}, after, 1),
                            [](const v1::Edge& e) { return std::to_string(e.uid()); });
            }),
            "213");
  EXPECT_EQ(order([&](const auto& after) {
              return digits(reader()->ListHops({}, after, 1), [](const v1::Hop& h) {
                const int64_t days = h.server().establish_time().seconds() - kNow / kSecond;
                return std::string(days == 0 ? "1" : days < 0 ? "2" : "3");
              });
            }),
            "213");
}

TEST_F(ApiTest, RepeatedDetection_IsListedFirstAgainAndAChangedOneIsNot) {
  model::Detection first = wire::TestDetection();
  model::Detection second = wire::TestDetection();
  second.id.bytes[0] = 9;
  Write({.detections = {first}});
  Write({.detections = {second}});
  const auto newest = [this] { return reader()->ListDetections({}, std::nullopt, 1)->items[0]; };
  first.evidence["more"] = "yes";
  Write({.detections = {first}});
  EXPECT_EQ(newest().name(), wire::ToProto(second).name());
  first.wall_ns += 1;
  Write({.detections = {first}});
  EXPECT_EQ(newest().name(), wire::ToProto(first).name());

  // Incidents: the collector's own clock may be set back, too.
  model::Incident incident = OpenIncident();
  model::Incident other = OpenIncident();
  other.id.bytes[0] = 77;
  other.updated_wall_ns = kNow + kDay;
  Write({.incidents = {other}});
  Write({.incidents = {incident}});
  EXPECT_EQ(reader()->ListIncidents({}, std::nullopt, 1)->items[0].name(),
            wire::ToProto(incident).name());
  other.title = "escalated";
  other.updated_wall_ns = kNow;
  Write({.incidents = {other}});
  EXPECT_EQ(reader()->ListIncidents({}, std::nullopt, 1)->items[0].name(),
            wire::ToProto(other).name());
}

TEST_F(ApiTest, ActiveSessions_AreSelectedByTheCollectorsClock) {
  // Closed just now, by a host's clock that is three days behind.
  Write({.sessions = {SessionAt(1, kNow - 3 * kDay)}});
  SessionFilter filter;
  filter.active_since_wall_ns = kNow - kDay;
  EXPECT_EQ(reader()->ListSessions(filter, std::nullopt, 10)->items.size(), 1u);
  filter.active_since_wall_ns = kNow + 1;
  EXPECT_EQ(reader()->ListSessions(filter, std::nullopt, 10)->items.size(), 0u);
}

TEST_F(ApiTest, FindSession_AcceptsAUniqueBeginning) {
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

TEST_F(ApiTest, Revision_GrowsWithAChangeAndNotWithARepetition) {
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

TEST_F(ApiTest, Detection_NamesItsIncidentUntilTheIncidentDropsIt) {
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
}  // namespace hoptrail::collector::api
