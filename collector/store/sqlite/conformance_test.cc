#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "collector/store/conformance/store_suite.h"
#include "collector/store/sqlite/sqlite_store.h"

namespace hoptrail::collector::store {
namespace {

absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& directory, int64_t now_wall_ns) {
  absl::StatusOr<std::unique_ptr<SqliteStore>> store = SqliteStore::Open(
      {.path = directory + "/collector.db", .writer = {.notify = true}}, now_wall_ns);
  if (!store.ok()) return store.status();
  return std::unique_ptr<Store>(*std::move(store));
}

void RefuseIncidents(Store* store) {
  ASSERT_TRUE(static_cast<SqliteStore*>(store)
                  ->writer()
                  ->database()
                  ->Execute("CREATE TRIGGER no BEFORE INSERT ON incidents"
                            " BEGIN SELECT RAISE(ABORT, 'no'); END")
                  .ok());
}

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreSuite,
                         testing::Values(StoreUnderTest{Open, RefuseIncidents}));

}  // namespace
}  // namespace hoptrail::collector::store
