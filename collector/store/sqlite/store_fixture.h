#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_STORE_FIXTURE_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_STORE_FIXTURE_H_

// For tests: a store in a directory of its own.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "collector/store/sqlite/blobs.h"
#include "collector/store/sqlite/sqlite_store.h"
#include "core/wire/testing.h"

namespace hoptrail::collector::store {

inline constexpr int64_t kNow = 1'700'000'000'000'000'000;
inline constexpr int64_t kSecond = 1'000'000'000;
inline constexpr int64_t kDay = int64_t{24} * 3600 * 1'000'000'000;

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char directory[] = "/tmp/hoptrail-store-XXXXXX";
    ASSERT_NE(mkdtemp(directory), nullptr);
    directory_ = directory;
    options_.path = directory_ + "/state/collector.db";
    options_.writer.notify = true;
    Reopen();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  void Reopen() {
    store_.reset();
    auto store = SqliteStore::Open(options_, kNow);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void Write(const WriteBatch& batch, int64_t now = kNow) {
    absl::Status status = store_->Write(batch, now);
    ASSERT_TRUE(status.ok()) << status;
  }
  // Releases the pages that have been held for `held_ns`.
  void Release(int64_t held_ns, int64_t now = kNow, int64_t boot = kNow) {
    absl::Status status = store_->ReleasePages({now, boot}, held_ns);
    ASSERT_TRUE(status.ok()) << status;
  }
  static model::Incident OpenIncident() {
    model::Incident incident = wire::TestIncident();
    incident.merged_into = {};
    incident.state = model::IncidentState::kOpen;
    return incident;
  }
  static model::Session SessionAt(uint8_t n, int64_t opened) {
    model::Session session = wire::TestSession();
    session.id = wire::TestSessionId(n);
    session.opened_wall_ns = opened;
    session.login_ended_wall_ns = opened + 1;
    session.closed_wall_ns = opened + 2;
    return session;
  }
  static StoredHop TestHop(uint8_t n) {
    StoredHop stored;
    stored.key.bytes[0] = n;
    stored.hop.server = wire::TestHopEnd();
    stored.hop.proof = model::Proof::kUnknown;
    return stored;
  }
  ReaderLease reader() { return store_->BorrowReader(); }

  std::string directory_;
  SqliteOptions options_;
  std::unique_ptr<SqliteStore> store_;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_STORE_FIXTURE_H_
