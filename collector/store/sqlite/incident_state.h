#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_INCIDENT_STATE_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_INCIDENT_STATE_H_

// Reads the present state of an incident's page and of the hosts on its path.

#include <optional>
#include <vector>

#include "absl/status/statusor.h"

#include "collector/store/views.h"
#include "core/model/ids.h"
#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// See Reader::DeliveryOf and Reader::DegradedHostsOf.
absl::StatusOr<std::optional<DeliveryView>> DeliveryOf(sqlite::Database* database,
                                                       const model::IncidentId& id);
absl::StatusOr<std::vector<DegradedHostView>> DegradedHostsOf(sqlite::Database* database,
                                                              const model::IncidentId& id,
                                                              bool all);

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_INCIDENT_STATE_H_
