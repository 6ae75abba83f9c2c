#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_SCHEMA_BLOBS_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_SCHEMA_BLOBS_H_

#include "absl/status/status.h"

#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// Up to version 5 the columns that are not searched held messages of the public API, hoptrail.v1.
// Rewrites them all as the store's own form. What cannot be read is left as bytes that are damaged
// in every form: it costs itself only, as before. Within the migration's transaction.
absl::Status RewriteBlobs(sqlite::Database* database);

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_SCHEMA_BLOBS_H_
