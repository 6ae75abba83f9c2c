// MessageReader on machines and their boots.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/api/api_fixture.h"
#include "core/wire/resource_names.h"

namespace hoptrail::collector::api {
namespace {

using namespace store;  // NOLINT(google-build-using-namespace): the fixture's namespace

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HostTest : public ApiTest {
 protected:
  static model::HostId Boot(uint8_t machine, uint8_t boot) {
    model::HostId host = wire::TestHost();
    host.machine.bytes[1] = machine;
    host.boot.bytes[1] = boot;
    return host;
  }
  void Connect(const model::HostId& host, const std::string& name, int64_t at,
               HostState state = HostState::kConnected) {
    WriteBatch batch;
    batch.hosts[host] = {
        .connected_wall_ns = at, .host_name = name, .state = state, .last_seen_wall_ns = at};
    Write(batch);
  }
};

TEST_F(HostTest, HostThatReported_ShowsHealthCoverageLossesAndDegradations) {
  WriteBatch batch;
  HostChange& change = batch.hosts[wire::TestHost()];
  for (const model::Fact& fact : wire::TestFacts()) {
    if (auto* health = std::get_if<model::AgentHealth>(&fact)) change.health = *health;
    if (auto* coverage = std::get_if<model::Coverage>(&fact)) change.coverage = *coverage;
    if (auto* loss = std::get_if<model::Loss>(&fact)) batch.losses.push_back(*loss);
  }
  change.host_name = "gw";
  change.connected_wall_ns = kNow;
  change.collector_degradations = {{model::DegradationKind::kCloneSuspected, "two of them", kNow}};
  Write(batch);
  auto host = reader()->GetHost(wire::TestHost().machine);
  ASSERT_TRUE(host.ok()) << host.status();
  EXPECT_EQ(host->host_name(), "gw");
  EXPECT_EQ(host->coverage().sources(0).tier(), 3u);
  ASSERT_EQ(host->losses_size(), 1);
  EXPECT_EQ(host->losses(0).count(), 12u);
  EXPECT_EQ(host->spooled(), 3u);
  ASSERT_EQ(host->degradations_size(), 2);
  EXPECT_EQ(host->degradations(0).kind(), v1::SPOOL_FULL);
  EXPECT_EQ(host->degradations(1).kind(), v1::CLONE_SUSPECTED);
  EXPECT_EQ(host->degradations(1).detail(), "two of them");
  EXPECT_EQ(host->degradations(1).since_time().seconds(), kNow / 1'000'000'000);
}

TEST_F(HostTest, Boots_AreNamedWithTheirStatesNewestFirst) {
  Connect(Boot(1, 1), "gw", kNow, HostState::kDisconnected);
  Connect(Boot(1, 2), "gw2", kNow + 1);
  Connect(Boot(2, 1), "web", kNow, HostState::kSilent);
  auto page = reader()->ListHosts({}, std::nullopt, 1);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->items.size(), 1u);
  const v1::Host& host = page->items[0];
  EXPECT_EQ(host.name(), wire::ResourceName(Boot(1, 1).machine));
  EXPECT_EQ(host.host_name(), "gw2");
  EXPECT_EQ(host.state(), v1::CONNECTED);
  ASSERT_EQ(host.boots_size(), 2);
  EXPECT_EQ(host.boots(0).name(), wire::ResourceName(Boot(1, 2)));
  EXPECT_EQ(host.boots(0).state(), v1::CONNECTED);
  EXPECT_EQ(host.boots(1).name(), wire::ResourceName(Boot(1, 1)));
  EXPECT_EQ(host.boots(1).state(), v1::DISCONNECTED);
  EXPECT_TRUE(host.boots(1).has_first_seen_time());
  ASSERT_TRUE(page->next.has_value());
  page = reader()->ListHosts({}, page->next, 1);
  ASSERT_EQ(page->items.size(), 1u);
  EXPECT_EQ(page->items[0].state(), v1::SILENT);
  EXPECT_FALSE(page->next.has_value());
}

TEST_F(HostTest, OpenIncident_ListsItsDegradedHosts) {
  model::Session on_gw = SessionAt(1, kNow);
  on_gw.host = Boot(1, 1);
  model::Session on_web = SessionAt(2, kNow);
  on_web.host = Boot(2, 1);
  model::Incident incident = OpenIncident();
  incident.sessions = {on_gw.id, on_web.id};
  Write({.sessions = {on_gw, on_web}, .incidents = {incident}});
  Connect(Boot(1, 1), "gw", kNow);
  Connect(Boot(2, 1), "web", kNow);
  const auto degraded = [&](const std::optional<model::Degradation>& everywhere) {
    v1::Incident answer = reader()->GetIncident(incident.id).value();
    EXPECT_TRUE(reader()->AddDegradedHosts(&answer, everywhere).ok());
    std::vector<std::string> words;
    for (const v1::DegradedHost& host : answer.degraded_hosts()) {
      for (const v1::Degradation& each : host.degradations()) {
        words.push_back(absl::StrCat(host.host_name(), " ", v1::DegradationKind_Name(each.kind())));
      }
    }
    return words;
  };
  EXPECT_THAT(degraded(std::nullopt), IsEmpty());
  using Kind = model::DegradationKind;
  WriteBatch batch;
  batch.hosts[Boot(1, 1)].collector_degradations = {{Kind::kCloneSuspected, "now", kNow}};
  Write(batch);
  EXPECT_THAT(degraded(std::nullopt), ElementsAre("gw CLONE_SUSPECTED"));
  EXPECT_THAT(degraded(model::Degradation{Kind::kCollectorStoreReadOnly, "full", kNow}),
              ElementsAre("gw CLONE_SUSPECTED", "gw COLLECTOR_STORE_READ_ONLY",
                          "web COLLECTOR_STORE_READ_ONLY"));
  incident.state = model::IncidentState::kResolved;
  Write({.incidents = {incident}});
  EXPECT_THAT(degraded(std::nullopt), IsEmpty());
}

}  // namespace
}  // namespace hoptrail::collector::api
