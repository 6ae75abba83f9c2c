#include "collector/store/sqlite/detection_codec.h"

#include <string>

#include "collector/store/sqlite/stored_values.h"
#include <hoptrail/internal/store.pb.h>

namespace hoptrail::collector::store {
namespace {

using store::FromStored;
using store::ToStored;
using namespace hoptrail::internal;  // NOLINT(google-build-using-namespace): the stored messages

// Fields are in the order of the message. FromStored checks what it reads through `read`.

StoredDetection ToStored(const model::Detection& in) {
  StoredDetection out;
  out.set_id(Bytes(in.id));
  out.set_rule(in.rule);
  out.set_title(in.title);
  for (const std::string& technique : in.techniques) out.add_techniques(technique);
  out.set_severity(static_cast<uint32_t>(in.severity));
  out.set_session(Bytes(in.session));
  out.set_host(Bytes(in.host));
  out.set_wall_ns(in.wall_ns);
  out.set_summary(in.summary);
  // Sorted by name, so that equal detections become equal bytes.
  for (const auto& [name, value] : in.evidence) {
    StoredEvidence* evidence = out.add_evidence();
    evidence->set_name(name);
    evidence->set_value(value);
  }
  out.set_occurrence(in.occurrence);
  if (!in.session_process.empty()) *out.mutable_session_process() = ToStored(in.session_process);
  return out;
}

model::Detection FromStored(const StoredDetection& in, StoredValues& read) {
  model::Detection out;
  out.id = read.Id<model::DetectionId>(in.id());
  out.rule = in.rule();
  out.title = in.title();
  out.techniques.assign(in.techniques().begin(), in.techniques().end());
  out.severity = read.Enum(in.severity(), model::Severity::kCritical);
  out.session = read.Id<model::SessionId>(in.session());
  out.host = read.Host(in.host());
  out.wall_ns = in.wall_ns();
  out.summary = in.summary();
  for (const StoredEvidence& each : in.evidence()) out.evidence[each.name()] = each.value();
  out.occurrence = in.occurrence();
  out.session_process = FromStored(in.session_process());
  return out;
}

StoredIncident ToStored(const model::Incident& in) {
  StoredIncident out;
  out.set_id(Bytes(in.id));
  out.set_root(Bytes(in.root));
  out.set_state(static_cast<uint32_t>(in.state));
  out.set_severity(static_cast<uint32_t>(in.severity));
  out.set_title(in.title);
  for (const model::DetectionId& id : in.detections) out.add_detections(Bytes(id));
  for (const model::SessionId& id : in.sessions) out.add_sessions(Bytes(id));
  out.set_opened_wall_ns(in.opened_wall_ns);
  out.set_updated_wall_ns(in.updated_wall_ns);
  out.set_changed_by(in.changed_by);
  if (!in.merged_into.empty()) out.set_merged_into(Bytes(in.merged_into));
  return out;
}

model::Incident FromStored(const StoredIncident& in, StoredValues& read) {
  model::Incident out;
  out.id = read.Id<model::IncidentId>(in.id());
  out.root = read.Id<model::SessionId>(in.root());
  out.state = read.Enum(in.state(), model::IncidentState::kResolved);
  out.severity = read.Enum(in.severity(), model::Severity::kCritical);
  out.title = in.title();
  for (const std::string& id : in.detections()) {
    out.detections.push_back(read.Id<model::DetectionId>(id));
  }
  for (const std::string& id : in.sessions()) {
    out.sessions.push_back(read.Id<model::SessionId>(id));
  }
  out.opened_wall_ns = in.opened_wall_ns();
  out.updated_wall_ns = in.updated_wall_ns();
  out.changed_by = in.changed_by();
  out.merged_into = read.IdOrNone<model::IncidentId>(in.merged_into());
  return out;
}

}  // namespace

std::string Encode(const model::Detection& detection) {
  return ToStored(detection).SerializeAsString();
}
std::string Encode(const model::Incident& incident) {
  return ToStored(incident).SerializeAsString();
}

absl::StatusOr<model::Detection> DecodeDetection(absl::string_view data) {
  return DecodeMessage<StoredDetection>(data, FromStored);
}
absl::StatusOr<model::Incident> DecodeIncident(absl::string_view data) {
  return DecodeMessage<StoredIncident>(data, FromStored);
}

}  // namespace hoptrail::collector::store
