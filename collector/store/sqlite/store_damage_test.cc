#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "collector/store/sqlite/sqlite_store.h"
#include "collector/store/sqlite/store_fixture.h"

namespace hoptrail::collector::store {
namespace {

TEST_F(StoreTest, DamagedFile_IsQuarantinedAndServiceContinues) {
  Write({.sessions = {wire::TestSession()}});
  const std::string epoch = reader()->Epoch().value();
  store_.reset();
  {
    std::fstream file(options_.path, std::ios::in | std::ios::out | std::ios::binary);
    file << std::string(4096, 'x');
  }
  Reopen();
  EXPECT_TRUE(std::filesystem::exists(store_->quarantined())) << store_->quarantined();
  EXPECT_EQ(store_->LoadSnapshot()->sessions.size(), 0u);
  EXPECT_NE(reader()->Epoch().value(), epoch);
  Write({.sessions = {wire::TestSession()}});
}

TEST_F(StoreTest, SecondOwner_IsRefused) {
  EXPECT_EQ(SqliteStore::Open(options_, kNow).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(StoreTest, DamagedRow_IsLeftOutOfTheSnapshot) {
  Write({.sessions = {SessionAt(1, kNow), SessionAt(2, kNow)}});
  ASSERT_TRUE(store_->writer()
                  ->database()
                  ->Execute("UPDATE sessions SET data = x'ffff' WHERE id >= x'02'")
                  .ok());
  Reopen();
  auto all = store_->LoadSnapshot();
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->sessions.size(), 1u);
}

TEST_F(StoreTest, NewerSchema_IsRefusedAndLeftAlone) {
  ASSERT_TRUE(store_->writer()->database()->SetUserVersion(99).ok());
  store_.reset();
  EXPECT_EQ(SqliteStore::Open(options_, kNow).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(std::filesystem::exists(options_.path));
}

// SQLite goes on writing to a file that has no name any more.
TEST_F(StoreTest, RemovedFile_IsTroubleAndTakesNoFacts) {
  Write({.sessions = {SessionAt(1, kNow)}});
  const std::string away = options_.path + ".away";
  std::filesystem::rename(options_.path, away);
  for (const bool replaced : {false, true}) {
    if (replaced) std::ofstream(options_.path).flush();
    EXPECT_EQ(store_->Write({.sessions = {SessionAt(2, kNow)}}, kNow).code(),
              absl::StatusCode::kUnavailable);
    ASSERT_TRUE(store_->trouble().has_value());
    EXPECT_NE(store_->trouble()->detail.find("was removed or replaced"), std::string::npos);
    EXPECT_FALSE(store_->CheckWritable(kNow).ok());
  }
  std::filesystem::rename(away, options_.path);
  EXPECT_TRUE(store_->CheckWritable(kNow).ok());
  EXPECT_FALSE(store_->trouble().has_value());
  Write({.sessions = {SessionAt(2, kNow)}});
  EXPECT_FALSE(store_->LoadSnapshot()->sessions.empty());
}

}  // namespace
}  // namespace hoptrail::collector::store
