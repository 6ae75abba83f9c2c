#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_SNAPSHOT_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_SNAPSHOT_H_

// Reads everything that the engine needs at its start. Leaves out damaged values, and logs them.

#include <vector>

#include "absl/status/statusor.h"

#include "collector/store/snapshot.h"
#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

absl::StatusOr<Snapshot> LoadSnapshot(sqlite::Database* database);
absl::StatusOr<std::vector<HostRow>> LoadHosts(sqlite::Database* database);

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_SNAPSHOT_H_
