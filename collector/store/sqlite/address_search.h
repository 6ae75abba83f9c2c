#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_ADDRESS_SEARCH_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_ADDRESS_SEARCH_H_

// Addresses that hosts have reported as their own, now and in the retention.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "collector/store/snapshot.h"
#include "collector/store/views.h"
#include "core/model/ids.h"
#include "core/model/net.h"
#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// Bounds what one report can write.
inline constexpr size_t kMaxAddressesOfHost = 64;

// See Reader::HostsWithAddress.
absl::StatusOr<std::vector<AddressHostView>> HostsWithAddress(sqlite::Database* database,
                                                              const model::IpAddress& address);

// See Reader::RawSocketProgram.
absl::StatusOr<std::string> RawSocketProgram(sqlite::Database* database, const model::HostId& host,
                                             int64_t from_wall_ns, int64_t until_wall_ns);

// All of them, in the order in which they were last reported.
absl::StatusOr<std::vector<AddressRow>> LoadAddresses(sqlite::Database* database);

// For the migration: writes the addresses of the hosts' last reports.
absl::Status MoveAddresses(sqlite::Database* database);

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_ADDRESS_SEARCH_H_
