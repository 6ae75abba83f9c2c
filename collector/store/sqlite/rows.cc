#include "collector/store/sqlite/rows.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"

#include "collector/store/sqlite/codec.h"
#include "core/base/status_macros.h"
#include "core/model/net.h"
#include "core/model/title.h"
#include "core/wire/resource_names.h"
#include "hoptrail/v1/sensor.pb.h"

namespace hoptrail::collector::store {
namespace {

using google::protobuf::util::TimeUtil;

absl::Status Parse(absl::string_view data, google::protobuf::Message* message) {
  if (message->ParseFromArray(data.data(), static_cast<int>(data.size()))) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("the store holds a damaged ", std::string(message->GetTypeName())));
}

// Only what its title is made of.
model::Session TitleParts(const v1::Session& stored) {
  model::Session session;
  session.kind = static_cast<model::EntryKind>(stored.kind());
  session.logged_in = stored.logged_in();
  session.uid = stored.uid();
  session.user = stored.user();
  session.program = stored.program();
  session.unit = stored.unit();
  return session;
}

}  // namespace

absl::StatusOr<v1::Session> SessionFromRow(const sqlite::Statement& row) {
  v1::Session session;
  HT_RETURN_IF_ERROR(Parse(row.Blob(0), &session));
  session.set_host_name(std::string(row.Text(1)));
  session.set_title(model::Title(TitleParts(session)));
  return session;
}

absl::StatusOr<v1::Hop> HopFromRow(const sqlite::Statement& row) {
  v1::Hop hop;
  HT_RETURN_IF_ERROR(Parse(row.Blob(0), &hop));
  return hop;
}

absl::StatusOr<v1::Edge> EdgeFromRow(const sqlite::Statement& row) {
  v1::Edge edge;
  edge.set_host(absl::StrCat("hosts/", model::ToString(HostFrom(row.Blob(0)))));
  edge.set_side(static_cast<v1::HopSide>(row.Int(1)));
  edge.set_program(std::string(row.Text(2)));
  edge.set_uid(static_cast<uint32_t>(row.Int(3)));
  edge.set_peer(model::ToString(IdFrom<model::IpAddress>(row.Blob(4))));
  edge.set_server_port(static_cast<uint32_t>(row.Int(5)));
  *edge.mutable_minute() = TimeUtil::NanosecondsToTimestamp(row.Int(6));
  edge.set_connections(static_cast<uint32_t>(row.Int(7)));
  edge.set_failures(static_cast<uint32_t>(row.Int(8)));
  edge.set_bytes_sent(static_cast<uint64_t>(row.Int(9)));
  edge.set_bytes_received(static_cast<uint64_t>(row.Int(10)));
  edge.set_protocol(static_cast<uint32_t>(row.Int(12)));
  return edge;
}

absl::StatusOr<v1::Detection> DetectionFromRow(const sqlite::Statement& row) {
  v1::Detection detection;
  HT_RETURN_IF_ERROR(Parse(row.Blob(0), &detection));
  detection.set_host_name(std::string(row.Text(1)));
  if (!row.IsNull(2)) {
    detection.set_incident(
        absl::StrCat("incidents/", model::ToString(IdFrom<model::IncidentId>(row.Blob(2)))));
  }
  return detection;
}

absl::StatusOr<v1::Incident> IncidentFromRow(const sqlite::Statement& row) {
  v1::Incident incident;
  HT_RETURN_IF_ERROR(Parse(row.Blob(0), &incident));
  return incident;
}

absl::StatusOr<v1::Host> HostFromRow(const sqlite::Statement& row) {
  v1::Host host;
  host.set_name(wire::ResourceName(IdFrom<model::MachineId>(row.Blob(0))));
  host.set_host_name(std::string(row.Text(1)));
  host.set_state(static_cast<v1::HostState>(row.Int(2)));
  if (row.Int(3) != 0) {
    *host.mutable_last_seen_time() = TimeUtil::NanosecondsToTimestamp(row.Int(3));
  }
  host.set_acknowledged_sequence(static_cast<uint64_t>(row.Int(4)));
  host.set_clock_offset_ns(row.Int(5));
  if (!row.Blob(6).empty()) {
    v1::AgentHealth health;
    HT_RETURN_IF_ERROR(Parse(row.Blob(6), &health));
    host.set_agent_version(health.agent_version());
    *host.mutable_agent_start_time() = health.start_time();
    *host.mutable_addresses() = health.addresses();
    host.set_events(health.events());
    host.set_lost(health.lost());
    host.set_spooled(health.spooled());
    host.set_resident_bytes(health.resident_bytes());
  }
  if (!row.Blob(7).empty()) {
    v1::CoverageReport report;
    HT_RETURN_IF_ERROR(Parse(row.Blob(7), &report));
    *host.mutable_coverage() = report.coverage();
  }
  HT_RETURN_IF_ERROR(AddDegradations(row.Blob(8), host.mutable_degradations()));
  HT_RETURN_IF_ERROR(AddDegradations(row.Blob(9), host.mutable_degradations()));
  return host;
}

v1::Boot BootFromRow(const sqlite::Statement& row) {
  v1::Boot boot;
  boot.set_name(wire::ResourceName(HostFrom(row.Blob(0))));
  boot.set_state(static_cast<v1::HostState>(row.Int(1)));
  if (row.Int(2) != 0) {
    *boot.mutable_first_seen_time() = TimeUtil::NanosecondsToTimestamp(row.Int(2));
  }
  if (row.Int(3) != 0) {
    *boot.mutable_last_seen_time() = TimeUtil::NanosecondsToTimestamp(row.Int(3));
  }
  boot.set_acknowledged_sequence(static_cast<uint64_t>(row.Int(4)));
  return boot;
}

absl::Status AddDegradations(absl::string_view data,
                             google::protobuf::RepeatedPtrField<v1::Degradation>* out) {
  if (data.empty()) return absl::OkStatus();
  v1::Host message;
  HT_RETURN_IF_ERROR(Parse(data, &message));
  out->MergeFrom(message.degradations());
  return absl::OkStatus();
}

}  // namespace hoptrail::collector::store
