#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_HOST_READER_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_HOST_READER_H_

// Reads machines and their boots.

#include <optional>

#include "absl/status/statusor.h"

#include "collector/store/reader.h"
#include "core/model/ids.h"
#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// See Reader::ListHosts and Reader::GetHost.
absl::StatusOr<Page<HostView>> ListHosts(sqlite::Database* database, const HostFilter& filter,
                                         const std::optional<Cursor>& after, int limit);
absl::StatusOr<HostView> GetHost(sqlite::Database* database, const model::MachineId& machine);

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_HOST_READER_H_
