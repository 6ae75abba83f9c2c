#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_RETENTION_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_RETENTION_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

#include "collector/store/store.h"
#include "core/model/ids.h"
#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// Removes rows that are too old, and the oldest rows while the store is too large; at most some
// thousand rows a call, so that ingest never waits long. Called by the engine's thread, now and
// then. Returns the number of removed rows; until it is 0, more may be left.
absl::StatusOr<int64_t> ApplyRetention(sqlite::Database* database, const RetentionLimits& limits,
                                       int64_t now_wall_ns);

// Removes the hosts that are not listed, were last seen before that time and are named by no
// session. Returns them.
absl::StatusOr<std::vector<model::HostId>> ForgetHosts(sqlite::Database* database,
                                                       int64_t before_wall_ns);

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_RETENTION_H_
