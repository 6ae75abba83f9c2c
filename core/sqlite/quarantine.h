#ifndef HOPTRAIL_CORE_SQLITE_QUARANTINE_H_
#define HOPTRAIL_CORE_SQLITE_QUARANTINE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

#include "core/sqlite/database.h"

namespace hoptrail::sqlite {

// Renames a damaged database and its write-ahead log to "<path>.damaged-<UTC time>" (and -wal,
// -shm), never over another file and never deleting one. No connection may be open. Returns the
// new name.
absl::StatusOr<std::string> QuarantineDamaged(const std::string& path, int64_t wall_ns);

// Opens with a check of integrity. Quarantines a damaged file, logs that under `component`, and
// opens a new one in its place. `quarantined`, where not null, gets the damaged file's new name, or
// stays empty.
absl::StatusOr<Database> OpenOrQuarantine(OpenOptions options, absl::string_view component,
                                          int64_t wall_ns, std::string* quarantined);

}  // namespace hoptrail::sqlite

#endif  // HOPTRAIL_CORE_SQLITE_QUARANTINE_H_
