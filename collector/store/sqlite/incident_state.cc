// The part of Reader that says of an incident what is true at the moment of asking.

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"

#include "collector/store/sqlite/codec.h"
#include "collector/store/sqlite/outbox.h"
#include "collector/store/sqlite/reader.h"
#include "collector/store/sqlite/rows.h"
#include "core/base/status_macros.h"
#include "core/wire/resource_names.h"
#include "core/wire/sensor.h"

namespace hoptrail::collector::store {
namespace {

using google::protobuf::util::TimeUtil;
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

void SetFailure(const Statement& row, int first_column, v1::Delivery* out) {
  out->set_state(v1::RETRYING);
  *out->mutable_attempt_time() = TimeUtil::NanosecondsToTimestamp(row.Int(first_column));
  *out->mutable_next_attempt_time() = TimeUtil::NanosecondsToTimestamp(row.Int(first_column + 1));
  out->set_last_error(std::string(row.Text(first_column + 2)));
}

}  // namespace

absl::Status Reader::AddDeliveries(v1::Incident* incident) {
  HT_ASSIGN_OR_RETURN(const model::IncidentId id, wire::ParseIncidentName(incident->name()));
  v1::Delivery delivery;
  delivery.set_notifier(kPagerDuty);
  HT_ASSIGN_OR_RETURN(Statement waiting, database_.Prepare(kWaiting));
  waiting.BindBlob(1, Blob(id)).BindText(2, kPagerDuty);
  HT_ASSIGN_OR_RETURN(const bool waits, waiting.Step());
  if (waits) {
    delivery.set_state(v1::PENDING);
    delivery.set_attempts(static_cast<uint32_t>(waiting.Int(1)));
    if (!waiting.Text(4).empty()) {
      SetFailure(waiting, 2, &delivery);
    } else if (waiting.Int(0) == 0 && !waiting.IsNull(5)) {
      SetFailure(waiting, 5, &delivery);
    }
    *incident->add_deliveries() = std::move(delivery);
    return absl::OkStatus();
  }
  HT_ASSIGN_OR_RETURN(Statement delivered, database_.Prepare(kDelivered));
  delivered.BindBlob(1, Blob(id));
  HT_ASSIGN_OR_RETURN(const bool arrived, delivered.Step());
  if (!arrived) return absl::OkStatus();
  delivery.set_state(v1::DELIVERED);
  delivery.set_attempts(static_cast<uint32_t>(delivered.Int(0)));
  *delivery.mutable_attempt_time() = TimeUtil::NanosecondsToTimestamp(delivered.Int(1));
  delivery.set_last_error(std::string(delivered.Text(2)));
  *incident->add_deliveries() = std::move(delivery);
  return absl::OkStatus();
}

absl::Status Reader::AddDegradedHosts(v1::Incident* incident,
                                      const std::optional<model::Degradation>& everywhere) {
  if (incident->state() == v1::RESOLVED) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(const model::IncidentId id, wire::ParseIncidentName(incident->name()));
  HT_ASSIGN_OR_RETURN(Statement select, database_.Prepare(DegradedSql(everywhere.has_value())));
  select.BindBlob(1, Blob(id)).BindInt(2, kDegradedHosts);
  while (true) {
    HT_ASSIGN_OR_RETURN(bool row, select.Step());
    if (!row) return absl::OkStatus();
    v1::DegradedHost* host = incident->add_degraded_hosts();
    host->set_host(wire::ResourceName(HostFrom(select.Blob(0))));
    host->set_host_name(std::string(select.Text(1)));
    HT_RETURN_IF_ERROR(AddDegradations(select.Blob(2), host->mutable_degradations()));
    HT_RETURN_IF_ERROR(AddDegradations(select.Blob(3), host->mutable_degradations()));
    if (everywhere) *host->add_degradations() = wire::ToProto(*everywhere);
  }
}

}  // namespace hoptrail::collector::store
