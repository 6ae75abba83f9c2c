#include "collector/store/store.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "collector/store/codec.h"
#include "collector/store/reader.h"
#include "core/wire/testing.h"

namespace hoptrail::collector::store {
namespace {

constexpr int64_t kNow = 1'700'000'000'000'000'000;
constexpr int64_t kDay = int64_t{24} * 3600 * 1'000'000'000;

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/hoptrail-store-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    options_.path = folder_ + "/state/collector.db";
    options_.writer.notify = true;
    Reopen();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Reopen() {
    store_.reset();
    auto store = Store::Open(options_, kNow);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void Write(const WriteBatch& batch) {
    absl::Status status = store_->Write(batch, kNow);
    ASSERT_TRUE(status.ok()) << status;
  }
  static model::Session SessionAt(uint8_t n, int64_t opened) {
    model::Session session = wire::TestSession();
    session.id = wire::TestSessionId(n);
    session.opened_wall_ns = opened;
    session.login_ended_wall_ns = opened + 1;
    session.closed_wall_ns = opened + 2;
    return session;
  }
  static path::StoredHop TestHop(uint8_t n) {
    path::StoredHop stored;
    stored.key.bytes[0] = n;
    stored.hop.server = wire::TestHopEnd();
    stored.hop.proof = model::Proof::kUnknown;
    return stored;
  }
  ReaderPool::Lease reader() { return store_->readers()->Borrow(); }

  std::string folder_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

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

TEST_F(StoreTest, HostShowsHealthCoverageAndLosses) {
  WriteBatch batch;
  HostChange& change = batch.hosts[wire::TestHost()];
  for (const model::Fact& fact : wire::TestFacts()) {
    if (auto* health = std::get_if<model::AgentHealth>(&fact)) change.health = *health;
    if (auto* coverage = std::get_if<model::Coverage>(&fact)) change.coverage = *coverage;
    if (auto* loss = std::get_if<model::Loss>(&fact)) batch.losses.push_back(*loss);
  }
  change.host_name = "gw";
  Write(batch);
  auto host = reader()->GetHost(wire::TestHost());
  ASSERT_TRUE(host.ok()) << host.status();
  EXPECT_EQ(host->host_name(), "gw");
  EXPECT_EQ(host->coverage().facts(0).tier(), 3u);
  ASSERT_EQ(host->losses_size(), 1);
  EXPECT_EQ(host->losses(0).count(), 12u);
  EXPECT_EQ(host->spooled(), 3u);
  EXPECT_EQ(reader()->FindHost("gw").value(), wire::TestHost());
  EXPECT_EQ(reader()->FindHost("aa00").value(), wire::TestHost());
  EXPECT_EQ(reader()->FindHost("bb00").status().code(), absl::StatusCode::kNotFound);
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

TEST_F(StoreTest, AFileOfTheFirstVersionKeepsItsEdges) {
  const auto edge = std::get<model::EdgeCount>(wire::TestFacts()[3]);
  Write({.edges = {edge}});
  const std::string columns =
      "id INTEGER PRIMARY KEY, host BLOB NOT NULL, side INTEGER NOT NULL, program TEXT NOT NULL,"
      " uid INTEGER NOT NULL, peer BLOB NOT NULL, port INTEGER NOT NULL, minute INTEGER NOT NULL,"
      " connections INTEGER NOT NULL, failures INTEGER NOT NULL, sent INTEGER NOT NULL,"
      " received INTEGER NOT NULL, UNIQUE(host, minute, side, program, uid, peer, port)";
  const std::string names =
      "id, host, side, program, uid, peer, port, minute, connections, failures, sent, received";
  sqlite::Database* database = store_->writer()->database();
  ASSERT_TRUE(database
                  ->Execute("CREATE TABLE first(" + columns + "); INSERT INTO first SELECT " +
                            names + " FROM edges; DROP TABLE edges; ALTER TABLE first RENAME TO" +
                            " edges; CREATE INDEX edges_by_time ON edges(minute, id);" +
                            " CREATE INDEX edges_by_peer ON edges(peer, minute);")
                  .ok());
  ASSERT_TRUE(database->SetUserVersion(1).ok());
  Reopen();
  Write({.edges = {edge}});
  auto page = reader()->ListEdges({}, std::nullopt, 10);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->items.size(), 1u);
  EXPECT_EQ(page->items[0].protocol(), 6u);
  EXPECT_EQ(page->items[0].connections(), 2 * edge.connections);
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

TEST_F(StoreTest, OutboxCoalescesWhatWaitsAndKeepsTheOrder) {
  auto outbox = store_->OpenOutbox();
  ASSERT_TRUE(outbox.ok());
  model::Incident incident = wire::TestIncident();
  incident.merged_into = {};
  incident.state = model::IncidentState::kOpen;
  Write({.incidents = {incident}});
  incident.title = "grew";
  Write({.incidents = {incident}});
  incident.updated_wall_ns += 5;  // not worth a page
  Write({.incidents = {incident}});
  EXPECT_EQ((*outbox)->Waiting().value(), 1);
  auto item = (*outbox)->Next(kNow);
  ASSERT_TRUE(item.ok() && item->has_value());
  EXPECT_EQ((*item)->action, Outbox::kTrigger);
  EXPECT_EQ((*item)->version, 2);

  incident.title = "grew while it was being sent";
  Write({.incidents = {incident}});
  incident.state = model::IncidentState::kAcknowledged;
  Write({.incidents = {incident}});
  incident.state = model::IncidentState::kResolved;
  Write({.incidents = {incident}});
  Write({.incidents = {incident}});
  ASSERT_TRUE((*outbox)->Done(**item).ok());
  for (auto action : {Outbox::kTrigger, Outbox::kAcknowledge, Outbox::kResolve}) {
    item = (*outbox)->Next(kNow);
    ASSERT_TRUE(item.ok() && item->has_value());
    EXPECT_EQ((*item)->action, action);
    ASSERT_TRUE((*outbox)->Done(**item).ok());
  }
  EXPECT_EQ((*outbox)->Waiting().value(), 0);
}

TEST_F(StoreTest, OutboxWaitsAndParks) {
  auto outbox = store_->OpenOutbox();
  model::Incident incident = wire::TestIncident();
  incident.merged_into = {};
  Write({.incidents = {incident}});
  auto item = (*outbox)->Next(kNow);
  ASSERT_TRUE((*outbox)->Retry(**item, kNow + 10, "503").ok());
  EXPECT_FALSE((*outbox)->Next(kNow)->has_value());
  EXPECT_EQ((*outbox)->NextDue()->value(), kNow + 10);
  Reopen();
  outbox = store_->OpenOutbox();
  item = (*outbox)->Next(kNow + 10);
  ASSERT_TRUE(item.ok() && item->has_value());
  EXPECT_EQ((*item)->attempts, 1);
  ASSERT_TRUE((*outbox)->Park(**item, "400").ok());
  EXPECT_FALSE((*outbox)->Next(kNow + kDay)->has_value());
  EXPECT_EQ((*outbox)->Parked().value(), 1);
}

TEST_F(StoreTest, OldFactsGoAndWhatLiesOnAnOpenIncidentStays) {
  model::Incident incident = wire::TestIncident();
  incident.state = model::IncidentState::kOpen;
  incident.merged_into = {};
  incident.sessions = {wire::TestSessionId(1)};
  Write({.sessions = {SessionAt(1, kNow - 40 * kDay), SessionAt(2, kNow - 40 * kDay),
                      SessionAt(3, kNow - kDay)},
         .incidents = {incident}});
  EXPECT_EQ(store_->ApplyRetention(kNow).value(), 1);
  EXPECT_TRUE(reader()->GetSession(wire::TestSessionId(1)).ok());
  EXPECT_FALSE(reader()->GetSession(wire::TestSessionId(2)).ok());
  EXPECT_TRUE(reader()->GetSession(wire::TestSessionId(3)).ok());
  incident.state = model::IncidentState::kResolved;
  incident.updated_wall_ns = kNow;
  Write({.incidents = {incident}});
  EXPECT_EQ(store_->ApplyRetention(kNow).value(), 0) << "resolved only now";
  EXPECT_EQ(store_->ApplyRetention(kNow + 31 * kDay).value(), 2) << "session 3 and the incident";
}

TEST_F(StoreTest, SizeIsBoundedAndIncidentsGoLast) {
  options_.retention.max_bytes = 1 << 20;
  Reopen();
  model::Incident incident = wire::TestIncident();
  incident.sessions = {wire::TestSessionId(1)};
  WriteBatch batch{.sessions = {SessionAt(1, kNow - kDay)}, .incidents = {incident}};
  for (int i = 0; i < 20'000; ++i) {
    auto edge = std::get<model::EdgeCount>(wire::TestFacts()[3]);
    edge.uid = static_cast<uint32_t>(i);
    batch.edges.push_back(edge);
  }
  Write(batch);
  ASSERT_GT(store_->writer()->database()->UsedBytes().value(), 1 << 20);
  EXPECT_GT(store_->ApplyRetention(kNow).value(), 0);
  EXPECT_LE(store_->writer()->database()->UsedBytes().value(), 1 << 20);
  EXPECT_TRUE(reader()->GetIncident(incident.id).ok());
  EXPECT_TRUE(reader()->GetSession(wire::TestSessionId(1)).ok());
}

TEST_F(StoreTest, LoginAttemptsAreBounded) {
  options_.writer.max_login_attempts = 10;
  Reopen();
  WriteBatch batch;
  for (int i = 0; i < 25; ++i) {
    batch.login_attempts.push_back(std::get<model::LoginAttempt>(wire::TestFacts()[2]));
  }
  Write(batch);
  auto count = store_->writer()->database()->Prepare("SELECT count(*) FROM login_attempts");
  ASSERT_TRUE(count->Step().value());
  EXPECT_EQ(count->Int(0), 10);
}

TEST_F(StoreTest, DamagedStoreIsKeptAsideAndServiceGoesOn) {
  Write({.sessions = {wire::TestSession()}});
  const std::string epoch = reader()->Epoch().value();
  store_.reset();
  {
    std::fstream file(options_.path, std::ios::in | std::ios::out | std::ios::binary);
    file << std::string(4096, 'x');
  }
  Reopen();
  EXPECT_TRUE(std::filesystem::exists(store_->set_aside())) << store_->set_aside();
  EXPECT_EQ(store_->writer()->LoadSnapshot()->sessions.size(), 0u);
  EXPECT_NE(reader()->Epoch().value(), epoch);
  Write({.sessions = {wire::TestSession()}});
}

TEST_F(StoreTest, SecondOwnerIsRefused) {
  EXPECT_EQ(Store::Open(options_, kNow).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(StoreTest, OneDamagedRowCostsItselfOnly) {
  Write({.sessions = {SessionAt(1, kNow), SessionAt(2, kNow)}});
  ASSERT_TRUE(store_->writer()
                  ->database()
                  ->Execute("UPDATE sessions SET data = x'ffff' WHERE id >= x'02'")
                  .ok());
  Reopen();
  auto all = store_->writer()->LoadSnapshot();
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->sessions.size(), 1u);
}

TEST_F(StoreTest, NewerSchemaIsRefusedAndLeftAlone) {
  ASSERT_TRUE(store_->writer()->database()->SetUserVersion(99).ok());
  store_.reset();
  EXPECT_EQ(Store::Open(options_, kNow).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(std::filesystem::exists(options_.path));
}

TEST_F(StoreTest, FailedWriteLeavesNothingBehind) {
  ASSERT_TRUE(
      store_->writer()
          ->database()
          ->Execute(
              "CREATE TRIGGER no BEFORE INSERT ON incidents BEGIN SELECT RAISE(ABORT, 'no'); END")
          .ok());
  const int64_t revision = store_->changes()->revision();
  EXPECT_FALSE(
      store_
          ->Write({.detections = {wire::TestDetection()}, .incidents = {wire::TestIncident()}},
                  kNow)
          .ok());
  EXPECT_FALSE(reader()->GetDetection(wire::TestDetection().id).ok());
  EXPECT_EQ(store_->changes()->revision(), revision);
  Write({.detections = {wire::TestDetection()}});
}

}  // namespace
}  // namespace hoptrail::collector::store
