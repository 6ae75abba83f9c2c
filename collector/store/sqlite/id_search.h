#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_ID_SEARCH_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_ID_SEARCH_H_

// Finds entries by the beginning of their ids. Errors as for the Find functions of Reader.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "core/model/ids.h"
#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// The only id of `table` that begins with `digits`, as a blob. `kind` is its name in errors.
absl::StatusOr<std::string> FindId(sqlite::Database* database, absl::string_view table,
                                   absl::string_view kind, absl::string_view digits);

// See Reader::FindHost.
absl::StatusOr<model::HostId> FindHost(sqlite::Database* database,
                                       absl::string_view digits_or_name);

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_ID_SEARCH_H_
