// MessageReader on machines and their boots.

#include <cstdint>
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
  std::vector<std::string> Listed(const HostFilter& filter = {}) {
    auto page = reader()->ListHosts(filter, std::nullopt, 100);
    EXPECT_TRUE(page.ok()) << page.status();
    std::vector<std::string> names;
    for (const v1::Host& host : page->items) {
      names.push_back(absl::StrCat(host.host_name(), " ", v1::HostState_Name(host.state())));
    }
    return names;
  }
  static std::vector<std::string> BootsOf(const v1::Host& host) {
    std::vector<std::string> names;
    for (const v1::Boot& boot : host.boots()) names.push_back(boot.name());
    return names;
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
  change.incarnation = {7, {}};
  change.incarnation->nonce.bytes.fill(9);
  Write(batch);
  WriteBatch more;
  more.hosts[wire::TestHost()].last_seen_wall_ns = kNow + 1;  // leaves the other fields as they are
  Write(more);
  Reopen();
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
  EXPECT_EQ(store_->LoadHosts()->front().collector_degradations, *change.collector_degradations);
  EXPECT_EQ(store_->LoadHosts()->front().incarnation, *change.incarnation);
}

TEST_F(HostTest, MachineWithSeveralBoots_IsOneRowWithTheNewestBootFirst) {
  Connect(Boot(1, 1), "gw", kNow, HostState::kDisconnected);
  Connect(Boot(1, 2), "gw2", kNow + 1);
  Connect(Boot(2, 1), "web", kNow);
  EXPECT_THAT(Listed(), ElementsAre("gw2 CONNECTED", "web CONNECTED"));
  auto host = reader()->GetHost(Boot(1, 1).machine);
  ASSERT_TRUE(host.ok()) << host.status();
  EXPECT_EQ(host->name(), wire::ResourceName(Boot(1, 1).machine));
  EXPECT_THAT(BootsOf(*host),
              ElementsAre(wire::ResourceName(Boot(1, 2)), wire::ResourceName(Boot(1, 1))));
  EXPECT_EQ(host->boots(0).state(), v1::CONNECTED);
  EXPECT_EQ(host->boots(1).state(), v1::DISCONNECTED);
  EXPECT_TRUE(host->boots(1).has_first_seen_time());
  // A snapshot of the machine was restored: its first boot runs again.
  Connect(Boot(1, 2), "gw2", kNow + 1, HostState::kSilent);
  Connect(Boot(1, 1), "gw", kNow + 2);
  EXPECT_THAT(Listed(), ElementsAre("gw CONNECTED", "web CONNECTED"));
  // Two copies of the machine run; the newer one disconnects first.
  Connect(Boot(1, 2), "gw2", kNow + 3, HostState::kDisconnected);
  EXPECT_THAT(Listed(), ElementsAre("gw CONNECTED", "web CONNECTED"));
  EXPECT_THAT(Listed({.state = HostState::kDisconnected}), IsEmpty());
}

TEST_F(HostTest, MachineWithManyBoots_ShowsTheNewestTwenty) {
  for (uint8_t i = 0; i < 30; ++i) Connect(Boot(1, i), "gw", kNow + i, HostState::kDisconnected);
  auto host = reader()->GetHost(Boot(1, 1).machine);
  ASSERT_TRUE(host.ok()) << host.status();
  ASSERT_EQ(host->boots_size(), 20);
  EXPECT_EQ(host->boots(0).name(), wire::ResourceName(Boot(1, 29)));
}

TEST_F(HostTest, FindHost_AcceptsMachineIdBootIdAndName) {
  Connect(Boot(1, 1), "gw", kNow, HostState::kDisconnected);
  Connect(Boot(1, 2), "gw", kNow + 1);
  Connect(Boot(2, 1), "web", kNow);
  const model::HostId machine{Boot(1, 1).machine, {}};
  const std::string digits = model::ToString(machine.machine);
  EXPECT_EQ(reader()->FindHost("gw").value(), machine);
  EXPECT_EQ(reader()->FindHost(digits).value(), machine);
  EXPECT_EQ(reader()->FindHost(digits.substr(0, 5)).value(), machine);
  EXPECT_EQ(reader()->FindHost(digits.substr(0, 3)).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(reader()->FindHost("aa0").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(reader()->FindHost("").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(reader()->FindHost("bb00").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(reader()->FindHost(model::ToString(Boot(1, 2))).value(), Boot(1, 2));
  EXPECT_EQ(reader()->FindHost(digits + ".bb02").value(), Boot(1, 2));
  EXPECT_EQ(reader()->FindHost(digits + ".bb").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(reader()->FindHost(digits + ".bb09").status().code(), absl::StatusCode::kNotFound);
  Connect(Boot(2, 1), "gw", kNow + 2);
  EXPECT_EQ(reader()->FindHost("gw").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(HostTest, MachineInAFilter_MatchesAllItsBoots) {
  model::Session session = SessionAt(1, kNow);
  session.host = Boot(1, 1);
  model::Session other = SessionAt(2, kNow);
  other.host = Boot(1, 2);
  model::Session foreign = SessionAt(3, kNow);
  foreign.host = Boot(2, 1);
  Write({.sessions = {session, other, foreign}});
  SessionFilter filter;
  filter.host = model::HostId{Boot(1, 1).machine, {}};
  EXPECT_EQ(reader()->ListSessions(filter, std::nullopt, 10)->items.size(), 2u);
  filter.host = Boot(1, 2);
  EXPECT_EQ(reader()->ListSessions(filter, std::nullopt, 10)->items.size(), 1u);
}

TEST_F(HostTest, OpenIncident_ListsItsDegradedHosts) {
  model::Session on_gw = SessionAt(1, kNow);
  on_gw.host = Boot(1, 1);
  model::Session on_web = SessionAt(2, kNow);
  on_web.host = Boot(2, 1);
  model::Incident incident = OpenIncident();
  incident.sessions = {on_gw.id, on_web.id};
  Write({.sessions = {on_gw, on_web}, .incidents = {incident}});
  Connect(Boot(1, 1), "gw", kNow, HostState::kDisconnected);
  Connect(Boot(1, 2), "gw", kNow + 1);  // restarted since
  Connect(Boot(2, 1), "web", kNow);
  Connect(Boot(3, 1), "db", kNow);
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
  WriteBatch batch;
  using Kind = model::DegradationKind;
  batch.hosts[Boot(1, 1)].collector_degradations = {{Kind::kCloneSuspected, "over", kNow}};
  batch.hosts[Boot(1, 2)].collector_degradations = {{Kind::kCloneSuspected, "now", kNow}};
  batch.hosts[Boot(2, 1)].health = model::AgentHealth{
      .host = Boot(2, 1), .wall_ns = kNow, .degradations = {{Kind::kSpoolFull, "full", kNow}}};
  batch.hosts[Boot(3, 1)].collector_degradations = {{Kind::kCloneSuspected, "elsewhere", kNow}};
  Write(batch);
  EXPECT_THAT(degraded(std::nullopt), ElementsAre("gw CLONE_SUSPECTED", "web SPOOL_FULL"));
  EXPECT_THAT(degraded(model::Degradation{Kind::kCollectorStoreReadOnly, "full", kNow}),
              ElementsAre("gw CLONE_SUSPECTED", "gw COLLECTOR_STORE_READ_ONLY", "web SPOOL_FULL",
                          "web COLLECTOR_STORE_READ_ONLY"));
  WriteBatch well;
  well.hosts[Boot(2, 1)].health = model::AgentHealth{.host = Boot(2, 1), .wall_ns = kNow};
  Write(well);
  EXPECT_THAT(degraded(std::nullopt), ElementsAre("gw CLONE_SUSPECTED"));
  incident.state = model::IncidentState::kResolved;
  Write({.incidents = {incident}});
  EXPECT_THAT(degraded(std::nullopt), IsEmpty());
}

TEST_F(HostTest, UnlistedHost_IsKeptWhileASessionNamesIt) {
  model::Session session = SessionAt(1, kNow);
  session.host = Boot(1, 1);
  Write({.sessions = {session}});
  Connect(Boot(1, 1), "gw", kNow, HostState::kDisconnected);
  Connect(Boot(2, 1), "web", kNow, HostState::kDisconnected);
  WriteBatch remove;
  remove.hosts[Boot(1, 1)].listed = false;
  remove.hosts[Boot(2, 1)].listed = false;
  Write(remove);
  EXPECT_THAT(Listed(), IsEmpty());
  EXPECT_EQ(reader()->FindHost("gw").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(store_->ForgetHosts(kNow).value(), IsEmpty()) << "it was seen at that time";
  EXPECT_THAT(store_->ForgetHosts(kNow + 1).value(), ElementsAre(Boot(2, 1)));
  EXPECT_EQ(reader()->GetSession(session.id)->host_name(), "gw");
  WriteBatch late;  // changes of other fields do not list a host
  late.hosts[Boot(1, 1)].clock_offset_ns = 5;
  late.hosts[Boot(3, 1)].clock_offset_ns = 5;
  Write(late);
  EXPECT_THAT(Listed(), IsEmpty());
  Connect(Boot(1, 1), "gw", kNow + 5);
  EXPECT_THAT(Listed(), ElementsAre("gw CONNECTED"));
}

}  // namespace
}  // namespace hoptrail::collector::api
