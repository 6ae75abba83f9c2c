#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_ADDRESS_SEARCH_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_ADDRESS_SEARCH_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "core/model/net.h"
#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// See Reader::HostsWithAddress.
absl::StatusOr<std::vector<std::string>> HostsWithAddress(sqlite::Database* database,
                                                          const model::IpAddress& address);

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_ADDRESS_SEARCH_H_
