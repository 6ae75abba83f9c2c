#ifndef HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_FILTERS_SUITE_H_
#define HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_FILTERS_SUITE_H_

// Filters: each narrows its list, and all that are set must match.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/store/conformance/suite_fixture.h"

namespace hoptrail::collector::store {

TEST_P(StoreSuite, SessionFilters_NarrowTheList) {
  model::Session console = Session(2, kNow, true);
  console.user = "other";
  console.kind = model::EntryKind::kConsole;
  console.logged_in = false;
  console.host = Host(2, 1);
  Write({.sessions = {Session(1), console}});
  Connect(Session(1).host, "gw", kNow);
  const auto matches = [this](const SessionFilter& filter) {
    std::vector<int> numbers;
    const auto page = reader()->ListSessions(filter, std::nullopt, 10);
    for (const SessionView& view : page->items) numbers.push_back(view.session.id.bytes[0]);
    return numbers;
  };
  using testing::ElementsAre;
  EXPECT_THAT(matches({}), ElementsAre(2, 1));
  EXPECT_THAT(matches({.host = console.host}), ElementsAre(2));
  EXPECT_THAT(matches({.host_name = "gw"}), ElementsAre(1));
  EXPECT_THAT(matches({.user = "other"}), ElementsAre(2));
  EXPECT_THAT(matches({.kinds = {model::EntryKind::kConsole}}), ElementsAre(2));
  EXPECT_THAT(matches({.kinds = {model::EntryKind::kConsole, model::EntryKind::kRemote}}),
              ElementsAre(2, 1));
  EXPECT_THAT(matches({.logged_in = true}), ElementsAre(1));
  EXPECT_THAT(matches({.open = true}), ElementsAre(1));
  EXPECT_THAT(matches({.open = false}), ElementsAre(2));
  EXPECT_THAT(matches({.user = "other", .open = true}), ElementsAre());
}

TEST_P(StoreSuite, ActiveSessions_AreSelectedByTheCollectorsClock) {
  // Closed just now, by a host's clock that is three days behind.
  Write({.sessions = {Session(1, kNow - 3 * kDay, true)}});
  SessionFilter filter;
  filter.active_since_wall_ns = kNow - kDay;
  EXPECT_EQ(reader()->ListSessions(filter, std::nullopt, 10)->items.size(), 1u);
  filter.active_since_wall_ns = kNow + 1;
  EXPECT_EQ(reader()->ListSessions(filter, std::nullopt, 10)->items.size(), 0u);
}

TEST_P(StoreSuite, HopFilters_MatchEitherEnd) {
  StoredHop joined = Hop(2);
  joined.hop.client = wire::TestHopEnd();
  joined.hop.client->side = model::HopSide::kClient;
  joined.hop.client->host = Host(2, 1);
  joined.hop.client->session = Session(2).id;
  joined.hop.proof = model::Proof::kProven;
  joined.hop.probability = 1;
  Write({.hops = {Hop(1)}});
  Write({.hops = {joined}});
  const auto matches = [this](const HopFilter& filter) {
    std::vector<int> numbers;
    const auto page = reader()->ListHops(filter, std::nullopt, 10);
    for (const StoredHop& hop : page->items) numbers.push_back(hop.key.bytes[0]);
    return numbers;
  };
  using testing::ElementsAre;
  EXPECT_THAT(matches({}), ElementsAre(2, 1));
  EXPECT_THAT(matches({.host = Host(2, 1)}), ElementsAre(2)) << "the client's end";
  EXPECT_THAT(matches({.host = wire::TestHost()}), ElementsAre(2, 1)) << "the server's end";
  EXPECT_THAT(matches({.session = Session(2).id}), ElementsAre(2));
  EXPECT_THAT(matches({.session = Session(1).id}), ElementsAre(2, 1));
  EXPECT_THAT(matches({.proof = model::Proof::kUnknown}), ElementsAre(1));
  EXPECT_THAT(matches({.session = Session(1).id, .proof = model::Proof::kProven}), ElementsAre(2));
}

TEST_P(StoreSuite, EdgeFilters_NarrowTheList) {
  model::EdgeCount other = Edge();
  other.host = Host(2, 1);
  other.side = model::HopSide::kServer;
  other.program = "/usr/sbin/nginx";
  other.peer = *model::ParseIpAddress("2001:db8::7");
  other.server_port = 8443;
  Write({.edges = {Edge(), other}});
  const auto matches = [this](const EdgeFilter& filter) {
    return reader()->ListEdges(filter, std::nullopt, 10)->items;
  };
  EXPECT_EQ(matches({}).size(), 2u);
  EXPECT_THAT(matches({.host = other.host}), testing::ElementsAre(other));
  EXPECT_THAT(matches({.peer = other.peer}), testing::ElementsAre(other));
  EXPECT_THAT(matches({.program = other.program}), testing::ElementsAre(other));
  EXPECT_THAT(matches({.server_port = other.server_port}), testing::ElementsAre(other));
  EXPECT_THAT(matches({.side = other.side}), testing::ElementsAre(other));
  EXPECT_THAT(matches({.host = other.host, .side = Edge().side}), testing::IsEmpty());
}

TEST_P(StoreSuite, DetectionFilters_NarrowTheList) {
  model::Detection other = Detection(2);
  other.rule = "fileless";
  other.severity = model::Severity::kLow;
  other.session = Session(2).id;
  other.host = Host(2, 1);
  Write({.detections = {Detection(1), other}, .incidents = {Incident(1)}});
  Connect(other.host, "web", kNow);
  const auto matches = [this](const DetectionFilter& filter) {
    std::vector<int> numbers;
    const auto page = reader()->ListDetections(filter, std::nullopt, 10);
    for (const DetectionView& view : page->items) numbers.push_back(view.detection.id.bytes[0]);
    return numbers;
  };
  using testing::ElementsAre;
  EXPECT_THAT(matches({}), testing::UnorderedElementsAre(1, 2));
  EXPECT_THAT(matches({.rule = "fileless"}), ElementsAre(2));
  EXPECT_THAT(matches({.rule = "no such rule"}), ElementsAre());
  EXPECT_THAT(matches({.severity = model::Severity::kLow}), ElementsAre(2));
  EXPECT_THAT(matches({.least_severity = model::Severity::kMedium}), ElementsAre(1));
  EXPECT_THAT(matches({.session = other.session}), ElementsAre(2));
  EXPECT_THAT(matches({.host = other.host}), ElementsAre(2));
  EXPECT_THAT(matches({.host_name = "web"}), ElementsAre(2));
  EXPECT_THAT(matches({.incident = Incident(1).id}), ElementsAre(1));
}

TEST_P(StoreSuite, IncidentFilters_NarrowTheList) {
  model::Incident other = Incident(2);
  other.state = model::IncidentState::kAcknowledged;
  other.severity = model::Severity::kLow;
  Write({.incidents = {Incident(1), other}});
  const auto matches = [this](const IncidentFilter& filter) {
    return reader()->ListIncidents(filter, std::nullopt, 10)->items;
  };
  using testing::ElementsAre;
  EXPECT_THAT(matches({}), testing::UnorderedElementsAre(Incident(1), other));
  EXPECT_THAT(matches({.state = model::IncidentState::kAcknowledged}), ElementsAre(other));
  EXPECT_THAT(matches({.severity = model::Severity::kLow}), ElementsAre(other));
  EXPECT_THAT(matches({.least_severity = model::Severity::kMedium}), ElementsAre(Incident(1)));
  EXPECT_THAT(matches({.root = other.root}), ElementsAre(other));
}

TEST_P(StoreSuite, HostFilters_NarrowTheList) {
  Connect(Host(1, 1), "gw", kNow);
  Connect(Host(2, 1), "web", kNow, HostState::kSilent);
  const auto matches = [this](const HostFilter& filter) {
    std::vector<std::string> names;
    const auto page = reader()->ListHosts(filter, std::nullopt, 10);
    for (const HostView& host : page->items) names.push_back(host.host_name);
    return names;
  };
  EXPECT_THAT(matches({}), testing::ElementsAre("gw", "web"));
  EXPECT_THAT(matches({.host_name = "gw"}), testing::ElementsAre("gw"));
  EXPECT_THAT(matches({.state = HostState::kSilent}), testing::ElementsAre("web"));
}

TEST_P(StoreSuite, MachineInAFilter_MatchesAllItsBoots) {
  model::Session session = Session(1);
  session.host = Host(1, 1);
  model::Session later = Session(2);
  later.host = Host(1, 2);
  model::Session foreign = Session(3);
  foreign.host = Host(2, 1);
  Write({.sessions = {session, later, foreign}});
  SessionFilter filter;
  filter.host = model::HostId{Host(1, 1).machine, {}};
  EXPECT_EQ(reader()->ListSessions(filter, std::nullopt, 10)->items.size(), 2u);
  filter.host = Host(1, 2);
  EXPECT_EQ(reader()->ListSessions(filter, std::nullopt, 10)->items.size(), 1u);
}

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_FILTERS_SUITE_H_
