// Migration of files that earlier versions wrote.

#include "collector/store/sqlite/schema.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/store/sqlite/store_fixture.h"
#include "core/wire/agent_state.h"
#include "core/wire/detection.h"
#include "core/wire/graph.h"
#include "core/wire/observations.h"
#include <hoptrail/v1/fleet.pb.h>

namespace hoptrail::collector::store {
namespace {

using ::testing::ElementsAre;

// The form in which versions up to 5 stored it.
template <typename T>
std::string Old(const T& value) {
  return wire::ToProto(value).SerializeAsString();
}

template <typename T>
model::Fact FactOf() {
  for (const model::Fact& fact : wire::TestFacts()) {
    if (std::holds_alternative<T>(fact)) return fact;
  }
  ADD_FAILURE() << "no such fact";
  return T();
}

class SchemaTest : public StoreTest {
 protected:
  // A new file of that version with these rows, opened by this program.
  void OpenOld(int version, const std::string& rows) {
    store_.reset();
    std::filesystem::remove_all(directory_ + "/state");
    std::filesystem::create_directory(directory_ + "/state");
    {
      auto database = sqlite::Database::Open({.path = options_.path});
      ASSERT_TRUE(database.ok()) << database.status();
      ASSERT_TRUE(Migrate(&*database, version).ok());
      const absl::Status status = database->Execute(rows);
      ASSERT_TRUE(status.ok()) << status;
    }
    Reopen();
  }
  static std::string Hex(absl::string_view blob) {
    return absl::StrCat("x'", absl::BytesToHexString(blob), "'");
  }
  int64_t Number(const std::string& sql) {
    auto select = store_->writer()->database()->Prepare(sql);
    EXPECT_TRUE(select.ok()) << select.status();
    EXPECT_TRUE(select->Step().value()) << sql;
    return select->Int(0);
  }
};

TEST_F(SchemaTest, EdgesOfVersion1_AreTcp) {
  const auto edge = std::get<model::EdgeCount>(wire::TestFacts()[3]);
  OpenOld(1,
          absl::StrCat("INSERT INTO edges(host, side, program, uid, peer, port, minute,"
                       " connections, failures, sent, received) VALUES(",
                       Hex(Blob(edge.host)), ", ", static_cast<int>(edge.side), ", '", edge.program,
                       "', ", edge.uid, ", ", Hex(Blob(edge.peer)), ", ", edge.server_port, ", ",
                       edge.minute_wall_ns, ", ", edge.connections, ", 0, 0, 0)"));
  Write({.edges = {edge}});
  auto page = reader()->ListEdges({}, std::nullopt, 10);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->items.size(), 1u);
  EXPECT_EQ(page->items[0].protocol, 6u);
  EXPECT_EQ(page->items[0].connections, 2 * edge.connections);
}

// Version 3 gave up a page that was not accepted at once.
TEST_F(SchemaTest, PagesGivenUpByVersion3_AreTriedAgainWhereTheyStillMatter) {
  std::string rows;
  const auto incident = [&rows](uint8_t number, model::IncidentState state) {
    model::Incident it = OpenIncident();
    it.id.bytes[0] = number;
    it.state = state;
    absl::StrAppend(&rows, "INSERT INTO incidents VALUES(", Hex(Blob(it.id)), ", x'', ",
                    static_cast<int>(state), ", 3, 1, 1, ", number, ", ", Hex(Old(it)), ");");
    return Hex(Blob(it.id));
  };
  const auto page = [&rows](const std::string& of, int action, bool failed) {
    absl::StrAppend(&rows, "INSERT INTO outbox(incident, action, failed, attempts, not_before,",
                    " created, reason) VALUES(", of, ", ", action, ", ", failed,
                    ", 1, 5, 1, 'x');");
  };
  using State = model::IncidentState;
  page(incident(1, State::kOpen), Outbox::kTrigger, true);
  page(incident(2, State::kResolved), Outbox::kTrigger, true);  // it has ended
  page(incident(3, State::kResolved), Outbox::kResolve, true);  // it is still open at the service
  page(incident(4, State::kAcknowledged), Outbox::kTrigger, true);  // somebody is on it
  page(incident(5, State::kOpen), Outbox::kTrigger, false);
  page("x'66'", Outbox::kTrigger, true);  // of no incident
  OpenOld(3, rows);
  auto outbox = store_->OpenOutbox();
  ASSERT_TRUE(outbox.ok());
  std::vector<int> left;
  (void)(*outbox)->Next([&left](const Outbox::Item& item) {
    left.push_back(item.incident.bytes[0]);
    return false;
  });
  EXPECT_THAT(left, ElementsAre(1, 3, 5));
}

TEST_F(SchemaTest, HostsOfVersion3_BecomeMachinesAndListsAreOrderedByArrival) {
  std::string rows;
  const auto boot = [](uint8_t number) {
    model::HostId host = wire::TestHost();
    host.boot.bytes[1] = number;
    return host;
  };
  const auto host = [&](uint8_t number, HostState state, int64_t last_seen) {
    absl::StrAppend(&rows, "INSERT INTO hosts(id, host_name, state, last_seen, acknowledged)",
                    " VALUES(", Hex(Blob(boot(number))), ", 'gw', ", static_cast<int>(state), ", ",
                    last_seen, ", ", number, ");");
  };
  const auto session = [&](uint8_t number, uint8_t on, int64_t opened) {
    model::Session it = SessionAt(number, opened);
    it.host = boot(on);
    absl::StrAppend(&rows, "INSERT INTO sessions VALUES(", Hex(Blob(it.id)), ", ",
                    Hex(Blob(it.host)), ", 1, 1, 'ann', ", opened, ", ", it.closed_wall_ns,
                    ", NULL, ", Hex(Old(it)), ");");
  };
  host(1, HostState::kSilent, kNow - 2 * kDay);
  host(2, HostState::kSilent, kNow - kDay);
  session(1, 1, kNow + kDay);      // its clock is ahead: it arrived before its host was last seen
  session(2, 2, kNow - 3 * kDay);  // long before that
  session(3, 2, kNow - kDay - 5);
  model::Detection detection = wire::TestDetection();
  detection.host = boot(2);
  absl::StrAppend(&rows, "INSERT INTO detections VALUES(", Hex(Blob(detection.id)),
                  ", 'pivot', 3, ", Hex(Blob(detection.session)), ", ", Hex(Blob(detection.host)),
                  ", ", kNow, ", NULL, 7, ", Hex(Old(detection)), ");");
  StoredHop hop = TestHop(4);
  absl::StrAppend(&rows, "INSERT INTO hops VALUES(", Hex(Blob(hop.key)), ", NULL, ",
                  Hex(Blob(boot(1))), ", NULL, NULL, 1, ", kNow, ", ", Hex(Old(hop.hop)), ");",
                  "UPDATE meta SET value = 7 WHERE name = 'revision'");
  OpenOld(3, rows);

  auto hosts = reader()->ListHosts({}, std::nullopt, 10);
  ASSERT_TRUE(hosts.ok()) << hosts.status();
  ASSERT_EQ(hosts->items.size(), 1u);
  EXPECT_EQ(hosts->items[0].state, HostState::kSilent);
  EXPECT_EQ(hosts->items[0].acknowledged_sequence, 2u);
  ASSERT_EQ(hosts->items[0].boots.size(), 2u);
  EXPECT_EQ(hosts->items[0].boots[1].state, HostState::kDisconnected) << "it has ended";

  const auto order = [this] {
    std::string numbers;
    const auto page = reader()->ListSessions({}, std::nullopt, 10);
    EXPECT_TRUE(page.ok()) << page.status();
    for (const auto& each : page->items) {
      numbers += model::ToString(each.session.id).substr(1, 1);
    }
    return numbers;
  };
  EXPECT_EQ(order(), "312");
  EXPECT_EQ(reader()->ListHops({}, std::nullopt, 10)->items.size(), 1u);
  EXPECT_EQ(reader()->ListDetections({}, std::nullopt, 10)->items.size(), 1u);
  SessionFilter filter;
  filter.active_since_wall_ns = kNow - 2 * kDay + 1;
  EXPECT_EQ(reader()->ListSessions(filter, std::nullopt, 10)->items.size(), 1u);
  Write({.sessions = {SessionAt(5, kNow - 9 * kDay)}});
  EXPECT_EQ(order(), "5312");
}

TEST_F(SchemaTest, HostOfVersion4_HasConfirmedNoIncarnation) {
  model::HostId host = wire::TestHost();
  OpenOld(4, absl::StrCat("INSERT INTO hosts(id, machine, host_name) VALUES(", Hex(Blob(host)),
                          ", ", Hex(Blob(host.machine)), ", 'gw')"));
  const auto hosts = store_->LoadHosts();
  ASSERT_TRUE(hosts.ok()) << hosts.status();
  ASSERT_EQ(hosts->size(), 1u);
  EXPECT_TRUE(hosts->front().incarnation.empty());
}

TEST_F(SchemaTest, MessagesOfVersion5_BecomeTheStoresOwnForm) {
  const model::Session session = wire::TestSession();
  const model::Detection detection = wire::TestDetection();
  const model::Incident incident = wire::TestIncident();
  const StoredHop hop = TestHop(4);
  const auto health = std::get<model::AgentHealth>(FactOf<model::AgentHealth>());
  const auto coverage = std::get<model::Coverage>(FactOf<model::Coverage>());
  const auto loss = std::get<model::Loss>(FactOf<model::Loss>());
  std::string rows;
  const auto insert = [&rows](auto... parts) { absl::StrAppend(&rows, parts..., ");"); };
  v1::Host degraded;
  *degraded.add_degradations() =
      wire::ToProto(model::Degradation{model::DegradationKind::kSpoolFull, "full", 5});
  insert("INSERT INTO hosts(id, machine, host_name, health, coverage, agent_degradations) VALUES(",
         Hex(Blob(health.host)), ", ", Hex(Blob(health.host.machine)), ", 'gw', ", Hex(Old(health)),
         ", ", Hex(Old(coverage)), ", ", Hex(degraded.SerializeAsString()));
  insert("INSERT INTO losses(host, until, data) VALUES(", Hex(Blob(health.host)), ", 5, ",
         Hex(Old(loss)));
  for (const char* damage : {"", "damaged"}) {
    model::Session each = session;
    if (*damage != 0) each.id.bytes[15] = 1;
    insert("INSERT INTO sessions(id, host, kind, logged_in, user, opened, closed, data) VALUES(",
           Hex(Blob(each.id)), ", ", Hex(Blob(each.host)), ", 1, 1, 'staff', 5, 0, ",
           Hex(*damage != 0 ? "\xff\xff" : Old(each)));
  }
  insert("INSERT INTO hops(id, proof, time, data) VALUES(", Hex(Blob(hop.key)), ", 0, 5, ",
         Hex(Old(hop.hop)));
  insert("INSERT INTO detections(id, rule, severity, session, host, time, revision, data) VALUES(",
         Hex(Blob(detection.id)), ", 'pivot', 3, ", Hex(Blob(detection.session)), ", ",
         Hex(Blob(detection.host)), ", 5, 1, ", Hex(Old(detection)));
  insert(
      "INSERT INTO incidents(id, root, state, severity, opened, updated, revision, data) VALUES(",
      Hex(Blob(incident.id)), ", ", Hex(Blob(incident.root)), ", 1, 3, 5, 5, 2, ",
      Hex(Old(incident)));
  OpenOld(5, rows);

  const auto all = store_->LoadSnapshot();
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->sessions, std::vector{session}) << "only the damaged one is lost";
  EXPECT_EQ(all->hops, std::vector{hop});
  EXPECT_EQ(all->detections, std::vector{detection});
  EXPECT_EQ(all->incidents, std::vector{incident});
  const auto host = reader()->GetHost(health.host.machine);
  ASSERT_TRUE(host.ok()) << host.status();
  EXPECT_EQ(host->health, health);
  EXPECT_EQ(host->coverage, coverage);
  EXPECT_EQ(host->losses, std::vector{loss});
  ASSERT_EQ(host->degradations.size(), 1u);
  EXPECT_EQ(host->degradations[0].detail, "full");
  EXPECT_EQ(Number("PRAGMA user_version"), kSchemaVersion);
}

TEST_F(SchemaTest, RowsOfVersion6_AreAsOldAsTheirHostsSayAtMostNow) {
  const std::string insert =
      "INSERT INTO login_attempts(host, session, time, data) VALUES(x'', x'', ";
  OpenOld(6, absl::StrCat(insert, "5, x'');", insert, "9000000000000000000, x'')"));
  EXPECT_EQ(Number("SELECT min(arrival_time) FROM login_attempts"), 5);
  const int64_t newest = Number("SELECT max(arrival_time) FROM login_attempts");
  EXPECT_LE(newest, absl::GetCurrentTimeNanos());
  EXPECT_GT(newest, absl::GetCurrentTimeNanos() - kDay);
  EXPECT_EQ(store_->ApplyRetention(absl::GetCurrentTimeNanos()).value(), 1);
}

TEST_F(SchemaTest, HostsOfVersion7_KeepTheAddressesOfTheirLastReport) {
  const model::HostId host = wire::TestHost();
  const model::IpAddress address = *model::ParseIpAddress("10.0.0.7");
  const model::AgentHealth health{.host = host, .addresses = {address}};
  OpenOld(7, absl::StrCat("INSERT INTO hosts(id, machine, last_seen, health) VALUES(",
                          Hex(Blob(host)), ", ", Hex(Blob(host.machine)), ", 5, ",
                          Hex(Encode(health)), "), (x'00', x'00', 6, x'ff')"));
  const auto found = reader()->HostsWithAddress(address);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ((*found)[0].host, host);
  EXPECT_EQ((*found)[0].first_wall_ns, 5);
  EXPECT_TRUE((*found)[0].has_address);
}

}  // namespace
}  // namespace hoptrail::collector::store
