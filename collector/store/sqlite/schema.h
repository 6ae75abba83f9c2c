#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_SCHEMA_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_SCHEMA_H_

#include "absl/status/status.h"

#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// PRAGMA user_version of the schema that this program writes.
inline constexpr int kSchemaVersion = 8;

// Brings an older or new file to kSchemaVersion in one transaction. FAILED_PRECONDITION for a file
// that a newer program has written. Tests make old files with a lower `to`.
absl::Status Migrate(sqlite::Database* database, int to = kSchemaVersion);

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_SCHEMA_H_
