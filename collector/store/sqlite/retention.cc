#include "collector/store/sqlite/retention.h"

#include <limits>
#include <string>

#include "collector/store/sqlite/blobs.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::store {
namespace {

constexpr int kRowsPerTable = 2000;
// Removal by size goes on down to this share of the bound, so that it does not run at every call.
constexpr double kLowWater = 0.95;

// ?1: rows that arrived before this time are removed; ?2: the greatest number of rows. A session is
// as old as the last report of it; open sessions stay.
constexpr const char* kFacts[] = {
    "DELETE FROM edges WHERE id IN (SELECT id FROM edges WHERE arrival_time < ?1"
    " ORDER BY arrival_time LIMIT ?2)",
    "DELETE FROM login_attempts WHERE id IN (SELECT id FROM login_attempts WHERE arrival_time < ?1"
    " ORDER BY arrival_time LIMIT ?2)",
    "DELETE FROM host_addresses WHERE (address, host) IN (SELECT address, host FROM host_addresses"
    " WHERE last < ?1 ORDER BY last LIMIT ?2)",
    "DELETE FROM losses WHERE id IN (SELECT id FROM losses WHERE arrival_time < ?1"
    " ORDER BY arrival_time LIMIT ?2)",
    "DELETE FROM hops WHERE id IN (SELECT id FROM hops WHERE arrival_time < ?1 AND NOT EXISTS"
    " (SELECT 1 FROM incident_sessions i WHERE i.session IN (client_session, server_session))"
    " ORDER BY arrival_time LIMIT ?2)",
    "DELETE FROM detections WHERE id IN (SELECT id FROM detections d WHERE arrival_time < ?1 AND"
    " incident IS NULL AND NOT EXISTS (SELECT 1 FROM incident_sessions i WHERE"
    " i.session = d.session) ORDER BY arrival_time LIMIT ?2)",
    "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions s WHERE arrival_time < ?1 AND"
    " closed > 0 AND heard < ?1 AND NOT EXISTS (SELECT 1 FROM incident_sessions i WHERE"
    " i.session = s.id) ORDER BY arrival_time LIMIT ?2)",
};

// Removes an incident with its detections. The statements above may then remove its path's
// sessions.
constexpr const char* kIncidentParts[] = {
    "DELETE FROM detections WHERE incident = ?1",
    "DELETE FROM incident_sessions WHERE incident = ?1",
    "DELETE FROM outbox WHERE incident = ?1",
    "DELETE FROM deliveries WHERE incident = ?1",
    "DELETE FROM incidents WHERE id = ?1",
};

absl::StatusOr<int64_t> RemoveFacts(sqlite::Database* database, int64_t before) {
  int64_t removed = 0;
  for (const char* sql : kFacts) {
    HT_ASSIGN_OR_RETURN(sqlite::Statement remove, database->Prepare(sql));
    HT_RETURN_IF_ERROR(remove.BindInt(1, before).BindInt(2, kRowsPerTable).Run());
    removed += database->Changes();
  }
  return removed;
}

// Removes the incident that `select_sql` finds. Returns how many that were, 0 or 1.
absl::StatusOr<int64_t> RemoveIncident(sqlite::Database* database, const char* select_sql,
                                       int64_t before) {
  HT_ASSIGN_OR_RETURN(sqlite::Statement select, database->Prepare(select_sql));
  select.BindInt(1, before);
  HT_ASSIGN_OR_RETURN(bool row, select.Step());
  if (!row) return 0;
  const std::string id(select.Blob(0));
  select.Reset();
  for (const char* sql : kIncidentParts) {
    HT_ASSIGN_OR_RETURN(sqlite::Statement remove, database->Prepare(sql));
    HT_RETURN_IF_ERROR(remove.BindBlob(1, id).Run());
  }
  return 1;
}

constexpr char kOldestResolved[] =
    "SELECT id FROM incidents WHERE state = 3 AND updated < ?1 ORDER BY updated LIMIT 1";
constexpr char kOldestIncident[] =
    "SELECT id FROM incidents WHERE updated < ?1 ORDER BY state = 3 DESC, updated LIMIT 1";

absl::StatusOr<int64_t> RemoveBySize(sqlite::Database* database, const RetentionLimits& limits) {
  HT_ASSIGN_OR_RETURN(int64_t used, database->UsedBytes());
  if (used <= limits.max_bytes) return 0;
  const auto low_water = static_cast<int64_t>(static_cast<double>(limits.max_bytes) * kLowWater);
  constexpr int64_t kAll = std::numeric_limits<int64_t>::max();
  int64_t removed = 0;
  for (int round = 0; round < 10 && used > low_water; ++round) {
    HT_ASSIGN_OR_RETURN(int64_t facts, RemoveFacts(database, kAll));
    if (facts == 0) {
      HT_ASSIGN_OR_RETURN(facts, RemoveIncident(database, kOldestIncident, kAll));
    }
    if (facts == 0) break;  // only open sessions are left
    removed += facts;
    HT_ASSIGN_OR_RETURN(used, database->UsedBytes());
  }
  if (removed > 0) LogWarning("store", "full: the oldest ", removed, " rows were removed");
  return removed;
}

}  // namespace

absl::StatusOr<std::vector<model::HostId>> ForgetHosts(sqlite::Database* database,
                                                       int64_t before_wall_ns) {
  HT_ASSIGN_OR_RETURN(
      sqlite::Statement forget,
      database->Prepare("DELETE FROM hosts WHERE NOT listed AND last_seen < ?1 AND NOT EXISTS"
                        " (SELECT 1 FROM sessions s WHERE s.host = hosts.id) RETURNING id"));
  forget.BindInt(1, before_wall_ns);
  std::vector<model::HostId> hosts;
  while (true) {
    HT_ASSIGN_OR_RETURN(bool row, forget.Step());
    if (!row) return hosts;
    hosts.push_back(HostFrom(forget.Blob(0)));
  }
}

absl::StatusOr<int64_t> ApplyRetention(sqlite::Database* database, const RetentionLimits& limits,
                                       int64_t now_wall_ns) {
  HT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database));
  const int64_t before = now_wall_ns - limits.max_age_ns;
  HT_ASSIGN_OR_RETURN(int64_t removed, RemoveFacts(database, before));
  for (int i = 0; i < 100; ++i) {
    HT_ASSIGN_OR_RETURN(int64_t incidents, RemoveIncident(database, kOldestResolved, before));
    if (incidents == 0) break;
    removed += incidents;
  }
  HT_ASSIGN_OR_RETURN(int64_t by_size, RemoveBySize(database, limits));
  HT_RETURN_IF_ERROR(transaction.Commit());
  return removed + by_size;
}

}  // namespace hoptrail::collector::store
