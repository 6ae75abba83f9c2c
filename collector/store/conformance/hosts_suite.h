#ifndef HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_HOSTS_SUITE_H_
#define HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_HOSTS_SUITE_H_

// Machines and their boots.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/store/conformance/suite_fixture.h"

namespace hoptrail::collector::store {

TEST_P(StoreSuite, NameOfTwoMachines_IsShownWithTheMachineIds) {
  const model::HostId web = Host(1, 1), rebooted = Host(1, 2), other = Host(2, 1);
  WriteBatch batch;
  batch.hosts[web] = {.connected_wall_ns = kNow, .host_name = "web"};
  batch.hosts[rebooted] = {.connected_wall_ns = kNow + 1, .host_name = "web"};
  model::Session session = Session(1);
  session.host = web;
  model::Detection detection = Detection(1);
  detection.host = web;
  batch.sessions = {session};
  batch.detections = {detection};
  Write(batch);
  EXPECT_EQ(reader()->GetHost(web.machine)->host_name, "web") << "two boots of one machine";
  EXPECT_EQ(reader()->GetSession(session.id)->host_name, "web");
  WriteBatch more;
  more.hosts[other] = {.connected_wall_ns = kNow, .host_name = "web"};
  Write(more);
  const std::string label = "web (" + model::ToString(web.machine).substr(0, 8) + ")";
  const std::string others = "web (" + model::ToString(other.machine).substr(0, 8) + ")";
  EXPECT_EQ(reader()->GetHost(web.machine)->host_name, label);
  EXPECT_EQ(reader()->GetHost(other.machine)->host_name, others);
  EXPECT_EQ(reader()->GetSession(session.id)->host_name, label);
  EXPECT_EQ(reader()->GetDetection(detection.id)->host_name, label);
  const auto named = reader()->ListHosts({.host_name = "web"}, std::nullopt, 1);
  ASSERT_EQ(named->items.size(), 1u);
  ASSERT_TRUE(named->next.has_value());
  EXPECT_EQ(named->items[0].host_name, label);
  const auto next = reader()->ListHosts({.host_name = "web"}, named->next, 1);
  ASSERT_EQ(next->items.size(), 1u) << "the next page begins after the name without the id";
  EXPECT_EQ(next->items[0].host_name, others);
}

TEST_P(StoreSuite, HostThatReported_ShowsHealthCoverageLossesAndDegradations) {
  const model::HostId host = wire::TestHost();
  WriteBatch batch;
  HostChange& change = batch.hosts[host];
  for (const model::Fact& fact : wire::TestFacts()) {
    if (auto* health = std::get_if<model::AgentHealth>(&fact)) change.health = *health;
    if (auto* coverage = std::get_if<model::Coverage>(&fact)) change.coverage = *coverage;
    if (auto* loss = std::get_if<model::Loss>(&fact)) batch.losses.push_back(*loss);
  }
  change.connected_wall_ns = kNow;
  change.host_name = "gw";
  change.state = HostState::kConnected;
  change.acknowledged_sequence = 7;
  change.clock_offset_ns = -5;
  change.collector_degradations = {{model::DegradationKind::kCloneSuspected, "two of them", kNow}};
  change.incarnation = {7, {}};
  change.incarnation->nonce.bytes.fill(9);
  Write(batch);
  WriteBatch more;
  more.hosts[host].last_seen_wall_ns = kNow + 1;  // leaves the other fields as they are
  Write(more);
  Reopen();
  const auto view = reader()->GetHost(host.machine);
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->machine, host.machine);
  EXPECT_EQ(view->host_name, "gw");
  EXPECT_EQ(view->last_seen_wall_ns, kNow + 1);
  EXPECT_EQ(view->acknowledged_sequence, 7u);
  EXPECT_EQ(view->clock_offset_ns, -5);
  EXPECT_EQ(view->health, change.health);
  EXPECT_EQ(view->coverage, change.coverage);
  EXPECT_EQ(view->losses, batch.losses);
  std::vector<model::Degradation> degradations = change.health->degradations;
  degradations.push_back(change.collector_degradations->front());
  EXPECT_EQ(view->degradations, degradations) << "the agent's, then the collector's";
  EXPECT_EQ(store_->LoadHosts()->front().collector_degradations, *change.collector_degradations);
  EXPECT_EQ(store_->LoadHosts()->front().incarnation, *change.incarnation);
  EXPECT_EQ(store_->LoadHosts()->front().addresses, change.health->addresses);
}

TEST_P(StoreSuite, MachineWithSeveralBoots_IsOneRowWithTheNewestBootFirst) {
  using Row = std::pair<std::string, HostState>;
  const auto listed = [this] {
    std::vector<Row> rows;
    const auto page = reader()->ListHosts({}, std::nullopt, 100);
    for (const HostView& host : page->items) rows.emplace_back(host.host_name, host.state);
    return rows;
  };
  const Row web{"web", HostState::kConnected};
  Connect(Host(1, 1), "gw", kNow, HostState::kDisconnected);
  Connect(Host(1, 2), "gw2", kNow + 1);
  Connect(Host(2, 1), "web", kNow);
  EXPECT_THAT(listed(), testing::ElementsAre(Row("gw2", HostState::kConnected), web));
  const auto host = reader()->GetHost(Host(1, 1).machine);
  ASSERT_TRUE(host.ok()) << host.status();
  ASSERT_EQ(host->boots.size(), 2u);
  EXPECT_EQ(host->boots[0].host, Host(1, 2));
  EXPECT_EQ(host->boots[0].state, HostState::kConnected);
  EXPECT_EQ(host->boots[1].host, Host(1, 1));
  EXPECT_EQ(host->boots[1].state, HostState::kDisconnected);
  EXPECT_EQ(host->boots[1].first_seen_wall_ns, kNow);
  // A snapshot of the machine was restored: its first boot runs again.
  Connect(Host(1, 2), "gw2", kNow + 1, HostState::kSilent);
  Connect(Host(1, 1), "gw", kNow + 2);
  EXPECT_THAT(listed(), testing::ElementsAre(Row("gw", HostState::kConnected), web));
  // Two copies of the machine run; the newer one disconnects first.
  Connect(Host(1, 2), "gw2", kNow + 3, HostState::kDisconnected);
  EXPECT_THAT(listed(), testing::ElementsAre(Row("gw", HostState::kConnected), web));
  HostFilter disconnected;
  disconnected.state = HostState::kDisconnected;
  EXPECT_TRUE(reader()->ListHosts(disconnected, std::nullopt, 10)->items.empty());
}

TEST_P(StoreSuite, MachineWithManyBoots_ShowsTheNewest) {
  for (uint8_t i = 0; i < HostView::kMaxBoots + 5; ++i) {
    Connect(Host(1, i), "gw", kNow + i, HostState::kDisconnected);
  }
  const auto host = reader()->GetHost(Host(1, 1).machine);
  ASSERT_TRUE(host.ok()) << host.status();
  ASSERT_EQ(host->boots.size(), size_t{HostView::kMaxBoots});
  EXPECT_EQ(host->boots[0].host, Host(1, HostView::kMaxBoots + 4));
}

TEST_P(StoreSuite, Incident_HasTheDegradedHostsOfItsPathInTheirNewestBoots) {
  model::Session on_gw = Session(1);
  on_gw.host = Host(1, 1);
  model::Session on_web = Session(2);
  on_web.host = Host(2, 1);
  model::Incident incident = Incident(1);
  incident.sessions = {on_gw.id, on_web.id};
  Write({.sessions = {on_gw, on_web}, .incidents = {incident}});
  Connect(Host(1, 1), "gw", kNow, HostState::kDisconnected);
  Connect(Host(1, 2), "gw", kNow + 1);  // restarted since
  Connect(Host(2, 1), "web", kNow);
  Connect(Host(3, 1), "db", kNow);
  const auto hosts = [&](bool all) {
    std::vector<std::string> words;
    const auto views = reader()->DegradedHostsOf(incident.id, all);
    EXPECT_TRUE(views.ok()) << views.status();
    for (const DegradedHostView& view : *views) {
      words.push_back(view.host_name);
      for (const model::Degradation& each : view.degradations) words.back() += " " + each.detail;
    }
    return words;
  };
  EXPECT_THAT(hosts(false), testing::IsEmpty());
  EXPECT_THAT(hosts(true), testing::ElementsAre("gw", "web"));
  using Kind = model::DegradationKind;
  WriteBatch batch;
  batch.hosts[Host(1, 1)].collector_degradations = {{Kind::kCloneSuspected, "over", kNow}};
  batch.hosts[Host(1, 2)].collector_degradations = {{Kind::kCloneSuspected, "cloned", kNow}};
  batch.hosts[Host(2, 1)].health = model::AgentHealth{
      .host = Host(2, 1), .wall_ns = kNow, .degradations = {{Kind::kSpoolFull, "full", kNow}}};
  batch.hosts[Host(3, 1)].collector_degradations = {{Kind::kCloneSuspected, "elsewhere", kNow}};
  Write(batch);
  EXPECT_THAT(hosts(false), testing::ElementsAre("gw cloned", "web full"));
  EXPECT_EQ(reader()->DegradedHostsOf(incident.id, false)->front().host, Host(1, 2));
  WriteBatch well;
  well.hosts[Host(2, 1)].health = model::AgentHealth{.host = Host(2, 1), .wall_ns = kNow};
  Write(well);
  EXPECT_THAT(hosts(false), testing::ElementsAre("gw cloned"));
  EXPECT_THAT(hosts(true), testing::ElementsAre("gw cloned", "web"));
}

TEST_P(StoreSuite, UnlistedHost_IsKeptWhileASessionNamesIt) {
  const auto listed = [this] {
    std::vector<std::string> names;
    const auto page = reader()->ListHosts({}, std::nullopt, 100);
    for (const HostView& host : page->items) names.push_back(host.host_name);
    return names;
  };
  model::Session session = Session(1);
  session.host = Host(1, 1);
  Write({.sessions = {session}});
  Connect(Host(1, 1), "gw", kNow, HostState::kDisconnected);
  Connect(Host(2, 1), "web", kNow, HostState::kDisconnected);
  WriteBatch remove;
  remove.hosts[Host(1, 1)].listed = false;
  remove.hosts[Host(2, 1)].listed = false;
  Write(remove);
  EXPECT_THAT(listed(), testing::IsEmpty());
  EXPECT_EQ(reader()->FindHost("gw").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(*store_->ForgetHosts(kNow), testing::IsEmpty()) << "it was seen at that time";
  EXPECT_THAT(*store_->ForgetHosts(kNow + 1), testing::ElementsAre(Host(2, 1)));
  EXPECT_EQ(reader()->GetSession(session.id)->host_name, "gw");
  WriteBatch late;  // changes of other fields do not list a host
  late.hosts[Host(1, 1)].clock_offset_ns = 5;
  late.hosts[Host(3, 1)].clock_offset_ns = 5;
  Write(late);
  EXPECT_THAT(listed(), testing::IsEmpty());
  Connect(Host(1, 1), "gw", kNow + 5);
  EXPECT_THAT(listed(), testing::ElementsAre("gw"));
}

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_HOSTS_SUITE_H_
