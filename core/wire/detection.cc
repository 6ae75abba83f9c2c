#include "core/wire/detection.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "core/wire/field_reader.h"
#include "core/wire/limits.h"
#include "core/wire/resource_names.h"
#include "core/wire/text.h"
#include "core/wire/values.h"

namespace hoptrail::wire {

v1::Detection ToProto(const model::Detection& in) {
  v1::Detection out;
  out.set_name(ResourceName(in.id));
  out.set_rule(CleanText(in.rule, kMaxNameBytes));
  out.set_title(CleanText(in.title, kMaxTitleBytes));
  for (size_t i = 0; i < std::min(in.techniques.size(), kMaxTechniques); ++i) {
    out.add_techniques(CleanText(in.techniques[i], kMaxTechniqueBytes));
  }
  out.set_severity(ToProto(in.severity));
  out.set_session(ResourceName(in.session));
  out.set_host(ResourceName(in.host));
  out.set_occurrence(CleanText(in.occurrence, model::kMaxOccurrenceBytes));
  if (!in.session_process.empty()) *out.mutable_session_process() = ToProto(in.session_process);
  if (in.wall_ns > 0) *out.mutable_time() = TimeToProto(in.wall_ns);
  out.set_summary(CleanText(in.summary, kMaxSummaryBytes));
  for (const auto& [key, value] : in.evidence) {
    if (static_cast<size_t>(out.evidence_size()) >= kMaxEvidenceEntries) break;
    (*out.mutable_evidence())[CleanText(key, kMaxEvidenceKeyBytes)] =
        CleanText(value, kMaxEvidenceValueBytes);
  }
  return out;
}

absl::StatusOr<model::Detection> FromProto(const v1::Detection& in) {
  FieldReader read("detection");
  model::Detection out;
  out.id = read.Detection("name", in.name());
  out.rule = read.Text("rule", in.rule(), kMaxNameBytes);
  if (out.rule.empty()) read.Fail("rule", "must be set");
  out.title = read.Text("title", in.title(), kMaxTitleBytes);
  if (read.AtMost("techniques", in.techniques_size(), kMaxTechniques)) {
    for (const std::string& technique : in.techniques()) {
      out.techniques.push_back(read.Text("techniques", technique, kMaxTechniqueBytes));
    }
  }
  out.severity =
      read.Enum("severity", in.severity(), model::Severity::kCritical, Presence::kRequired);
  out.session = read.Session("session", in.session(), Presence::kRequired);
  out.host = read.Host("host", in.host(), Presence::kRequired);
  out.occurrence = read.Text("occurrence", in.occurrence(), model::kMaxOccurrenceBytes);
  out.session_process = read.Process("session_process", in.session_process());
  out.wall_ns = read.Time("time", in.time());
  out.summary = read.Text("summary", in.summary(), kMaxSummaryBytes);
  if (read.AtMost("evidence", in.evidence_size(), kMaxEvidenceEntries)) {
    for (const auto& [key, value] : in.evidence()) {
      out.evidence[read.Text("evidence", key, kMaxEvidenceKeyBytes)] =
          read.Text("evidence", value, kMaxEvidenceValueBytes);
    }
  }
  if (!read.status().ok()) return read.status();
  return out;
}

v1::Incident ToProto(const model::Incident& in) {
  v1::Incident out;
  out.set_name(ResourceName(in.id));
  out.set_root(ResourceName(in.root));
  out.set_state(ToProto(in.state));
  out.set_severity(ToProto(in.severity));
  out.set_title(CleanText(in.title, kMaxTitleBytes));
  for (size_t i = 0; i < std::min(in.detections.size(), kMaxIncidentMembers); ++i) {
    out.add_detections(ResourceName(in.detections[i]));
  }
  for (size_t i = 0; i < std::min(in.sessions.size(), kMaxIncidentMembers); ++i) {
    out.add_sessions(ResourceName(in.sessions[i]));
  }
  if (in.opened_wall_ns > 0) *out.mutable_open_time() = TimeToProto(in.opened_wall_ns);
  if (in.updated_wall_ns > 0) *out.mutable_update_time() = TimeToProto(in.updated_wall_ns);
  out.set_changed_by(CleanText(in.changed_by, kMaxNameBytes));
  out.set_merged_into(ResourceName(in.merged_into));
  return out;
}

absl::StatusOr<model::Incident> FromProto(const v1::Incident& in) {
  FieldReader read("incident");
  model::Incident out;
  out.id = read.Incident("name", in.name(), Presence::kRequired);
  out.root = read.Session("root", in.root(), Presence::kRequired);
  out.state = read.Enum("state", in.state(), model::IncidentState::kResolved, Presence::kRequired);
  out.severity =
      read.Enum("severity", in.severity(), model::Severity::kCritical, Presence::kOptional);
  out.title = read.Text("title", in.title(), kMaxTitleBytes);
  if (read.AtMost("detections", in.detections_size(), kMaxIncidentMembers)) {
    for (const std::string& name : in.detections()) {
      out.detections.push_back(read.Detection("detections", name));
    }
  }
  if (read.AtMost("sessions", in.sessions_size(), kMaxIncidentMembers)) {
    for (const std::string& name : in.sessions()) {
      out.sessions.push_back(read.Session("sessions", name, Presence::kRequired));
    }
  }
  out.opened_wall_ns = read.Time("open_time", in.open_time());
  out.updated_wall_ns = read.Time("update_time", in.update_time());
  out.changed_by = read.Text("changed_by", in.changed_by(), kMaxNameBytes);
  out.merged_into = read.Incident("merged_into", in.merged_into(), Presence::kOptional);
  if (!read.status().ok()) return read.status();
  return out;
}

}  // namespace hoptrail::wire
