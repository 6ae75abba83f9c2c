#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "collector/store/store.h"
#include "collector/store/store_fixture.h"

namespace hoptrail::collector::store {
namespace {

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
                            " CREATE INDEX edges_by_peer ON edges(peer, minute);" +
                            " DROP INDEX outbox_held; ALTER TABLE outbox DROP COLUMN held;")
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

}  // namespace
}  // namespace hoptrail::collector::store
