#ifndef HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_SUITE_FIXTURE_H_
#define HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_SUITE_FIXTURE_H_

// For the suites of this directory: a store in a directory of its own, and values for it.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "collector/store/store.h"
#include "core/wire/testing.h"

namespace hoptrail::collector::store {

// The implementation that the suite tests.
struct StoreUnderTest {
  // Opens the store in `directory`, a new one or the one that was left there, with notifying on.
  std::function<absl::StatusOr<std::unique_ptr<Store>>(const std::string& directory,
                                                       int64_t now_wall_ns)>
      open;
  // Makes every later write of an incident fail.
  std::function<void(Store* store)> refuse_incidents;
};

class StoreSuite : public testing::TestWithParam<StoreUnderTest> {
 protected:
  static constexpr int64_t kNow = 1'700'000'000'000'000'000;
  static constexpr int64_t kSecond = 1'000'000'000;
  static constexpr int64_t kDay = int64_t{24} * 3600 * kSecond;

  void SetUp() override {
    char directory[] = "/tmp/hoptrail-store-XXXXXX";
    ASSERT_NE(mkdtemp(directory), nullptr);
    directory_ = directory;
    Reopen();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  void Reopen() {
    store_.reset();
    auto store = GetParam().open(directory_, kNow);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void Write(const WriteBatch& batch) {
    const absl::Status status = store_->Write(batch, kNow);
    ASSERT_TRUE(status.ok()) << status;
  }
  // An agent of the host has opened its stream.
  void Connect(const model::HostId& host, const std::string& name, int64_t at,
               HostState state = HostState::kConnected) {
    WriteBatch batch;
    batch.hosts[host] = {
        .connected_wall_ns = at, .host_name = name, .state = state, .last_seen_wall_ns = at};
    Write(batch);
  }
  ReaderLease reader() { return store_->BorrowReader(); }
  // All rows of a list, read in pages of `limit` rows. `read` reads the page that begins after its
  // argument.
  template <typename T, typename Read>
  static std::vector<T> ReadAll(const Read& read, size_t limit) {
    std::vector<T> rows;
    std::optional<Cursor> after;
    do {
      absl::StatusOr<Page<T>> page = read(after);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) return rows;
      EXPECT_LE(page->items.size(), limit);
      rows.insert(rows.end(), page->items.begin(), page->items.end());
      after = page->next;
    } while (after.has_value() && rows.size() < 1000);
    return rows;
  }

  static model::HostId Host(uint8_t machine, uint8_t boot) {
    model::HostId host = wire::TestHost();
    host.machine.bytes[1] = machine;
    host.boot.bytes[1] = boot;
    return host;
  }
  static model::Session Session(uint8_t number, int64_t opened = kNow, bool closed = false) {
    model::Session session = wire::TestSession();
    session.id = wire::TestSessionId(number);
    session.opened_wall_ns = opened;
    session.login_ended_wall_ns = closed ? opened + 1 : 0;
    session.closed_wall_ns = closed ? opened + 2 : 0;
    return session;
  }
  static model::Detection Detection(uint8_t number) {
    model::Detection detection = wire::TestDetection();
    detection.id.bytes[0] = number;
    return detection;
  }
  static model::Incident Incident(uint8_t number) {
    model::Incident incident = wire::TestIncident();
    incident.id.bytes[0] = number;
    incident.state = model::IncidentState::kOpen;
    incident.merged_into = {};
    incident.detections = {Detection(number).id};
    incident.sessions = {Session(number).id};
    incident.root = Session(number).id;
    return incident;
  }
  static StoredHop Hop(uint8_t number) {
    StoredHop hop;
    hop.key.bytes[0] = number;
    hop.hop.server = wire::TestHopEnd();
    hop.hop.proof = model::Proof::kUnknown;
    return hop;
  }
  static model::EdgeCount Edge() { return std::get<model::EdgeCount>(wire::TestFacts()[3]); }
  std::optional<Outbox::Item> Next(Outbox* outbox) {
    auto item = outbox->Next([](const Outbox::Item& each) { return !each.held; });
    EXPECT_TRUE(item.ok()) << item.status();
    return item.ok() ? *item : std::nullopt;
  }

  std::string directory_;
  std::unique_ptr<Store> store_;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_SUITE_FIXTURE_H_
