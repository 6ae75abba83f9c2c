#include "collector/store/sqlite/incident_state.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "collector/store/outbox.h"
#include "collector/store/sqlite/blobs.h"
#include "collector/store/sqlite/rows.h"
#include "core/base/status_macros.h"
#include "core/model/title.h"

namespace hoptrail::collector::store {
namespace {

using sqlite::Statement;

// The incident's oldest item: until it is accepted, the newest state has not arrived. An item that
// was not tried itself waits for the service; columns 5 to 7 are the service's last attempt, where
// that failed.
constexpr char kWaiting[] =
    "SELECT o.held, o.attempts, o.attempted, o.next_attempt, o.reason, n.attempted, n.next_attempt,"
    " n.reason FROM outbox o LEFT JOIN notifiers n ON n.name = ?2 WHERE o.incident = ?1"
    " ORDER BY o.id LIMIT 1";
constexpr char kDelivered[] =
    "SELECT attempts, attempted, reason FROM deliveries WHERE incident = ?1";

// The connected boots of each machine, or else its newest one; without `all`, only degraded ones.
// Degraded hosts are few, so the query walks their index; the + keeps SQLite from the index on
// `machine`.
std::string DegradedSql(bool all) {
  return absl::StrCat(
      "SELECT h.id, h.host_name, h.agent_degradations, h.collector_degradations, " HT_NAME_IS_SHARED
      " FROM hosts h",
      all ? " WHERE h.machine"
          : " INDEXED BY hosts_degraded WHERE (h.agent_degradations != x'' OR"
            " h.collector_degradations != x'') AND +h.machine",
      " IN (SELECT b.machine FROM incident_sessions i JOIN sessions s ON s.id = i.session"
      " JOIN hosts b ON b.id = s.host WHERE i.incident = ?1) AND h.listed AND (h.state = 1 OR (",
      kNewestBoot, ")) ORDER BY h.host_name, h.id LIMIT ?2");
}
constexpr int kDegradedHosts = 100;

}  // namespace

absl::StatusOr<std::optional<DeliveryView>> DeliveryOf(sqlite::Database* database,
                                                       const model::IncidentId& id) {
  DeliveryView delivery;
  delivery.notifier = kPagerDuty;
  HT_ASSIGN_OR_RETURN(Statement waiting, database->Prepare(kWaiting));
  waiting.BindBlob(1, Blob(id)).BindText(2, kPagerDuty);
  HT_ASSIGN_OR_RETURN(const bool waits, waiting.Step());
  if (waits) {
    delivery.attempts = static_cast<uint32_t>(waiting.Int(1));
    // The item's own last attempt, or the service's.
    const int first = !waiting.Text(4).empty() ? 2 : 5;
    delivery.failed = first == 2 || (waiting.Int(0) == 0 && !waiting.IsNull(5));
    if (delivery.failed) {
      delivery.attempt_wall_ns = waiting.Int(first);
      delivery.next_attempt_wall_ns = waiting.Int(first + 1);
      delivery.reason = std::string(waiting.Text(first + 2));
    }
    return std::optional<DeliveryView>(std::move(delivery));
  }
  HT_ASSIGN_OR_RETURN(Statement delivered, database->Prepare(kDelivered));
  delivered.BindBlob(1, Blob(id));
  HT_ASSIGN_OR_RETURN(const bool arrived, delivered.Step());
  if (!arrived) return std::optional<DeliveryView>();
  delivery.delivered = true;
  delivery.attempts = static_cast<uint32_t>(delivered.Int(0));
  delivery.attempt_wall_ns = delivered.Int(1);
  delivery.reason = std::string(delivered.Text(2));
  return std::optional<DeliveryView>(std::move(delivery));
}

absl::StatusOr<std::vector<DegradedHostView>> DegradedHostsOf(sqlite::Database* database,
                                                              const model::IncidentId& id,
                                                              bool all) {
  HT_ASSIGN_OR_RETURN(Statement select, database->Prepare(DegradedSql(all)));
  select.BindBlob(1, Blob(id)).BindInt(2, kDegradedHosts);
  std::vector<DegradedHostView> hosts;
  while (true) {
    HT_ASSIGN_OR_RETURN(bool row, select.Step());
    if (!row) return hosts;
    DegradedHostView host{.host = HostFrom(select.Blob(0))};
    host.host_name = model::DistinctHostName(select.Text(1), host.host.machine, select.Int(4) != 0);
    for (const int column : {2, 3}) {
      HT_RETURN_IF_ERROR(AddDegradations(select.Blob(column), &host.degradations));
    }
    hosts.push_back(std::move(host));
  }
}

}  // namespace hoptrail::collector::store
