#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_ROWS_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_ROWS_H_

// Turns one row of a query into a value. Each kSelect… names the columns that the function below it
// reads, counted from 0.

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "collector/store/stored_hop.h"
#include "collector/store/views.h"
#include "core/sqlite/statement.h"

namespace hoptrail::collector::store {

// Whether another machine than that of `h` has the host name of `h`: two searches of the index on
// name and machine, however many boots a machine has.
#define HT_NAME_IS_SHARED                                                                        \
  "(EXISTS (SELECT 1 FROM hosts o WHERE o.host_name = h.host_name AND o.machine < h.machine) OR" \
  " EXISTS (SELECT 1 FROM hosts o WHERE o.host_name = h.host_name AND o.machine > h.machine))"

inline constexpr char kSelectSessions[] =
    "SELECT s.data, coalesce(h.host_name, ''), s.arrived, s.id, " HT_NAME_IS_SHARED
    " FROM sessions s LEFT JOIN hosts h ON h.id = s.host";
absl::StatusOr<SessionView> SessionFromRow(const sqlite::Statement& row);

inline constexpr char kSelectHops[] = "SELECT p.data, p.arrived, p.id FROM hops p";
absl::StatusOr<StoredHop> HopFromRow(const sqlite::Statement& row);

inline constexpr char kSelectEdges[] =
    "SELECT e.host, e.side, e.program, e.uid, e.peer, e.port, e.minute, e.connections, e.failures,"
    " e.sent, e.received, e.id, e.protocol FROM edges e";
absl::StatusOr<model::EdgeCount> EdgeFromRow(const sqlite::Statement& row);

inline constexpr char kSelectDetections[] =
    "SELECT d.data, coalesce(h.host_name, ''), d.incident, d.revision, d.arrived, d.id,"
    " " HT_NAME_IS_SHARED " FROM detections d LEFT JOIN hosts h ON h.id = d.host";
absl::StatusOr<DetectionView> DetectionFromRow(const sqlite::Statement& row);

inline constexpr char kSelectIncidents[] = "SELECT i.data, i.revision, i.id FROM incidents i";
absl::StatusOr<model::Incident> IncidentFromRow(const sqlite::Statement& row);

inline constexpr char kSelectHosts[] =
    "SELECT h.machine, h.host_name, h.state, h.last_seen, h.acknowledged, h.clock_offset, h.health,"
    " h.coverage, h.agent_degradations, h.collector_degradations, " HT_NAME_IS_SHARED
    " FROM hosts h";
absl::StatusOr<HostView> HostFromRow(const sqlite::Statement& row);
// The boot as which a machine is shown: the one that connected last, among the connected boots or
// else among all. A condition on `h`.
inline constexpr char kNewestBoot[] =
    "h.listed AND NOT EXISTS (SELECT 1 FROM hosts n WHERE n.machine = h.machine AND n.listed AND"
    " (n.state = 1, n.connected, n.id) > (h.state = 1, h.connected, h.id))";
// Columns: id, state, first_seen, last_seen, acknowledged.
BootView BootFromRow(const sqlite::Statement& row);
// Appends the degradations that Encode wrote.
absl::Status AddDegradations(absl::string_view data, std::vector<model::Degradation>* out);

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_ROWS_H_
