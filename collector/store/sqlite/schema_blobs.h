#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_SCHEMA_BLOBS_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_SCHEMA_BLOBS_H_

#include "absl/status/status.h"

#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// Up to version 5 the columns that are not searched held messages of the public API, hoptrail.v1.
// Rewrites all of them in the store's own form, within the migration's transaction. A value that
// cannot be read becomes bytes that no form accepts, so that it alone is lost, as before.
absl::Status RewriteBlobs(sqlite::Database* database);

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_SCHEMA_BLOBS_H_
