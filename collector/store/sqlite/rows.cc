#include "collector/store/sqlite/rows.h"

#include <string>
#include <utility>

#include "collector/store/sqlite/codec.h"
#include "core/base/status_macros.h"
#include "core/model/title.h"

namespace hoptrail::collector::store {

absl::StatusOr<SessionView> SessionFromRow(const sqlite::Statement& row) {
  HT_ASSIGN_OR_RETURN(model::Session session, DecodeSession(row.Blob(0)));
  std::string name = model::DistinctHostName(row.Text(1), session.host.machine, row.Int(4) != 0);
  return SessionView{std::move(session), std::move(name)};
}

absl::StatusOr<StoredHop> HopFromRow(const sqlite::Statement& row) {
  HT_ASSIGN_OR_RETURN(model::Hop hop, DecodeHop(row.Blob(0)));
  return StoredHop{IdFrom<graph::HopId>(row.Blob(2)), std::move(hop)};
}

absl::StatusOr<model::EdgeCount> EdgeFromRow(const sqlite::Statement& row) {
  model::EdgeCount edge;
  edge.host = HostFrom(row.Blob(0));
  edge.side = static_cast<model::HopSide>(row.Int(1));
  edge.program = std::string(row.Text(2));
  edge.uid = static_cast<uint32_t>(row.Int(3));
  edge.peer = IdFrom<model::IpAddress>(row.Blob(4));
  edge.server_port = static_cast<uint16_t>(row.Int(5));
  edge.minute_wall_ns = row.Int(6);
  edge.connections = static_cast<uint32_t>(row.Int(7));
  edge.failures = static_cast<uint32_t>(row.Int(8));
  edge.bytes_sent = static_cast<uint64_t>(row.Int(9));
  edge.bytes_received = static_cast<uint64_t>(row.Int(10));
  edge.protocol = static_cast<uint8_t>(row.Int(12));
  return edge;
}

absl::StatusOr<DetectionView> DetectionFromRow(const sqlite::Statement& row) {
  HT_ASSIGN_OR_RETURN(model::Detection detection, DecodeDetection(row.Blob(0)));
  std::string name = model::DistinctHostName(row.Text(1), detection.host.machine, row.Int(6) != 0);
  DetectionView view{std::move(detection), std::move(name), std::nullopt};
  if (!row.IsNull(2)) view.incident = IdFrom<model::IncidentId>(row.Blob(2));
  return view;
}

absl::StatusOr<model::Incident> IncidentFromRow(const sqlite::Statement& row) {
  return DecodeIncident(row.Blob(0));
}

absl::StatusOr<HostView> HostFromRow(const sqlite::Statement& row) {
  HostView host;
  host.machine = IdFrom<model::MachineId>(row.Blob(0));
  host.host_name = model::DistinctHostName(row.Text(1), host.machine, row.Int(10) != 0);
  host.state = static_cast<HostState>(row.Int(2));
  host.last_seen_wall_ns = row.Int(3);
  host.acknowledged_sequence = static_cast<uint64_t>(row.Int(4));
  host.clock_offset_ns = row.Int(5);
  if (!row.Blob(6).empty()) {
    HT_ASSIGN_OR_RETURN(host.health, DecodeHealth(row.Blob(6)));
  }
  if (!row.Blob(7).empty()) {
    HT_ASSIGN_OR_RETURN(host.coverage, DecodeCoverage(row.Blob(7)));
  }
  HT_RETURN_IF_ERROR(AddDegradations(row.Blob(8), &host.degradations));
  HT_RETURN_IF_ERROR(AddDegradations(row.Blob(9), &host.degradations));
  return host;
}

BootView BootFromRow(const sqlite::Statement& row) {
  return {.host = HostFrom(row.Blob(0)),
          .state = static_cast<HostState>(row.Int(1)),
          .first_seen_wall_ns = row.Int(2),
          .last_seen_wall_ns = row.Int(3),
          .acknowledged_sequence = static_cast<uint64_t>(row.Int(4))};
}

absl::Status AddDegradations(absl::string_view data, std::vector<model::Degradation>* out) {
  if (data.empty()) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(std::vector<model::Degradation> degradations, DecodeDegradations(data));
  for (model::Degradation& each : degradations) out->push_back(std::move(each));
  return absl::OkStatus();
}

}  // namespace hoptrail::collector::store
