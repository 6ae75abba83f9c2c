// The part of SqliteReader that says of an incident what is true at the moment of asking.

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "collector/store/outbox.h"
#include "collector/store/sqlite/codec.h"
#include "collector/store/sqlite/rows.h"
#include "collector/store/sqlite/sqlite_reader.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::store {
namespace {

using sqlite::Statement;

// The oldest waits first, and the newest state has not arrived before it. What was not tried itself
// waits for the service: 5 to 7 are of the service's last try, where that failed.
constexpr char kWaiting[] =
    "SELECT o.held, o.attempts, o.attempted, o.next_attempt, o.reason, n.attempted, n.next_attempt,"
    " n.reason FROM outbox o LEFT JOIN notifiers n ON n.name = ?2 WHERE o.incident = ?1"
    " ORDER BY o.id LIMIT 1";
constexpr char kDelivered[] =
    "SELECT attempts, attempted, reason FROM deliveries WHERE incident = ?1";

// Of a machine, the boots that are up, or the newest. `all`: not only those with something of their
// own, of which there are few: their index is gone through, for which the + is.
std::string DegradedSql(bool all) {
  return absl::StrCat(
      "SELECT h.id, h.host_name, h.agent_degradations, h.collector_degradations FROM hosts h",
      all ? " WHERE h.machine"
          : " INDEXED BY hosts_degraded WHERE (h.agent_degradations != x'' OR"
            " h.collector_degradations != x'') AND +h.machine",
      " IN (SELECT b.machine FROM incident_sessions i JOIN sessions s ON s.id = i.session"
      " JOIN hosts b ON b.id = s.host WHERE i.incident = ?1) AND h.listed AND (h.state = 1 OR (",
      kNewestBoot, ")) ORDER BY h.host_name, h.id LIMIT ?2");
}
constexpr int kDegradedHosts = 100;

}  // namespace

absl::StatusOr<std::optional<DeliveryView>> SqliteReader::DeliveryOf(const model::IncidentId& id) {
  DeliveryView delivery;
  HT_ASSIGN_OR_RETURN(Statement waiting, database_.Prepare(kWaiting));
  waiting.BindBlob(1, Blob(id)).BindText(2, kPagerDuty);
  HT_ASSIGN_OR_RETURN(const bool waits, waiting.Step());
  if (waits) {
    delivery.attempts = static_cast<uint32_t>(waiting.Int(1));
    // Its own last try, or the service's.
    const int first = !waiting.Text(4).empty() ? 2 : 5;
    delivery.failed = first == 2 || (waiting.Int(0) == 0 && !waiting.IsNull(5));
    if (delivery.failed) {
      delivery.attempt_wall_ns = waiting.Int(first);
      delivery.next_attempt_wall_ns = waiting.Int(first + 1);
      delivery.reason = std::string(waiting.Text(first + 2));
    }
    return std::optional<DeliveryView>(std::move(delivery));
  }
  HT_ASSIGN_OR_RETURN(Statement delivered, database_.Prepare(kDelivered));
  delivered.BindBlob(1, Blob(id));
  HT_ASSIGN_OR_RETURN(const bool arrived, delivered.Step());
  if (!arrived) return std::optional<DeliveryView>();
  delivery.delivered = true;
  delivery.attempts = static_cast<uint32_t>(delivered.Int(0));
  delivery.attempt_wall_ns = delivered.Int(1);
  delivery.reason = std::string(delivered.Text(2));
  return std::optional<DeliveryView>(std::move(delivery));
}

absl::StatusOr<std::vector<DegradedHostView>> SqliteReader::DegradedHostsOf(
    const model::IncidentId& id, bool all) {
  HT_ASSIGN_OR_RETURN(Statement select, database_.Prepare(DegradedSql(all)));
  select.BindBlob(1, Blob(id)).BindInt(2, kDegradedHosts);
  std::vector<DegradedHostView> hosts;
  while (true) {
    HT_ASSIGN_OR_RETURN(bool row, select.Step());
    if (!row) return hosts;
    DegradedHostView host{.host = HostFrom(select.Blob(0)),
                          .host_name = std::string(select.Text(1))};
    for (const int column : {2, 3}) {
      HT_RETURN_IF_ERROR(AddDegradations(select.Blob(column), &host.degradations));
    }
    hosts.push_back(std::move(host));
  }
}

}  // namespace hoptrail::collector::store
