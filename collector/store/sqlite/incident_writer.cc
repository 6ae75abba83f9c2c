#include "collector/store/sqlite/incident_writer.h"

#include <algorithm>
#include <string>
#include <vector>

#include "collector/store/sqlite/blobs.h"
#include "collector/store/sqlite/detection_codec.h"
#include "collector/store/sqlite/prepare.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::store {
namespace {

using model::Incident;
using sqlite::Statement;

constexpr char kDetection[] =
    "INSERT INTO detections(id, rule, severity, session, host, time, revision, data, arrived,"
    " arrival_time) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT(id)"
    " DO UPDATE SET rule = ?2,"
    " severity = ?3, session = ?4, host = ?5, time = ?6, revision = ?7, data = ?8,"
    // ?6 > time: it has happened again
    " arrived = CASE WHEN ?6 > time THEN ?9 ELSE arrived END,"
    " arrival_time = CASE WHEN ?6 > time THEN ?10 ELSE arrival_time END";
constexpr char kAttach[] =
    "UPDATE detections SET incident = ?2, revision = ?3 WHERE id = ?1 AND incident IS NOT ?2";
constexpr char kIncident[] =
    "INSERT INTO incidents(id, root, state, severity, opened, updated, revision, data)"
    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(id) DO UPDATE SET root = ?2, state = ?3,"
    " severity = ?4, opened = ?5, updated = ?6, revision = ?7, data = ?8";
constexpr char kFindDetection[] = "SELECT data FROM detections WHERE id = ?1";
constexpr char kAttached[] = "SELECT id FROM detections WHERE incident = ?1";
constexpr char kFindIncident[] = "SELECT data FROM incidents WHERE id = ?1";
constexpr char kClearSessions[] = "DELETE FROM incident_sessions WHERE incident = ?1";
constexpr char kIncidentSession[] = "INSERT OR IGNORE INTO incident_sessions VALUES(?1, ?2)";

}  // namespace

absl::StatusOr<std::unique_ptr<IncidentWriter>> IncidentWriter::Create(sqlite::Database* database,
                                                                       RowNumbers* numbers) {
  std::unique_ptr<IncidentWriter> writer(new IncidentWriter(database, numbers));
  HT_RETURN_IF_ERROR(PrepareAll(database, {{&writer->find_detection_, kFindDetection},
                                           {&writer->detection_, kDetection},
                                           {&writer->attached_, kAttached},
                                           {&writer->attach_, kAttach},
                                           {&writer->find_incident_, kFindIncident},
                                           {&writer->incident_, kIncident},
                                           {&writer->clear_sessions_, kClearSessions},
                                           {&writer->incident_session_, kIncidentSession}}));
  return writer;
}

absl::Status IncidentWriter::Write(const WriteBatch& batch, OutboxWriter* outbox,
                                   int64_t now_wall_ns) {
  for (const auto* detection :
       InArrivalOrder(batch.detections, [](const auto& d) { return d.wall_ns; })) {
    HT_RETURN_IF_ERROR(WriteDetection(*detection, now_wall_ns));
  }
  for (const Incident& incident : batch.incidents) {
    HT_RETURN_IF_ERROR(WriteIncident(incident, outbox, now_wall_ns));
  }
  return absl::OkStatus();
}

absl::Status IncidentWriter::WriteDetection(const model::Detection& detection,
                                            int64_t now_wall_ns) {
  const std::string data = Encode(detection);
  Statement& find = find_detection_;
  find.BindBlob(1, Blob(detection.id));
  HT_ASSIGN_OR_RETURN(bool known, find.Step());
  const bool same = known && find.Blob(0) == data;
  find.Reset();
  if (same) return absl::OkStatus();  // watchers need not see it twice
  Statement& s = detection_;
  s.BindBlob(1, Blob(detection.id)).BindText(2, detection.rule);
  s.BindInt(3, static_cast<int64_t>(detection.severity)).BindBlob(4, Blob(detection.session));
  s.BindBlob(5, Blob(detection.host))
      .BindInt(6, detection.wall_ns)
      .BindInt(7, ++numbers_->revision);
  s.BindBlob(8, data).BindInt(9, ++numbers_->arrival);
  return s.BindInt(10, now_wall_ns).Run();
}

absl::Status IncidentWriter::WriteIncident(const Incident& incident, OutboxWriter* outbox,
                                           int64_t now_wall_ns) {
  const std::string data = Encode(incident);
  Statement& find = find_incident_;
  find.BindBlob(1, Blob(incident.id));
  HT_ASSIGN_OR_RETURN(bool known, find.Step());
  const std::string before_data(known ? find.Blob(0) : "");
  find.Reset();
  if (known && before_data == data) return absl::OkStatus();
  Statement& s = incident_;
  s.BindBlob(1, Blob(incident.id)).BindBlob(2, Blob(incident.root));
  s.BindInt(3, static_cast<int64_t>(incident.state));
  s.BindInt(4, static_cast<int64_t>(incident.severity)).BindInt(5, incident.opened_wall_ns);
  s.BindInt(6, incident.updated_wall_ns).BindInt(7, ++numbers_->revision).BindBlob(8, data);
  HT_RETURN_IF_ERROR(s.Run());
  HT_RETURN_IF_ERROR(clear_sessions_.BindBlob(1, Blob(incident.id)).Run());
  for (const model::SessionId& session : incident.sessions) {
    Statement& add = incident_session_;
    HT_RETURN_IF_ERROR(add.BindBlob(1, Blob(session)).BindBlob(2, Blob(incident.id)).Run());
  }
  HT_RETURN_IF_ERROR(AttachDetections(incident));
  if (outbox == nullptr) return absl::OkStatus();
  if (!known) return outbox->EnqueueChange(nullptr, incident, now_wall_ns);
  const absl::StatusOr<Incident> before = DecodeIncident(before_data);
  return outbox->EnqueueChange(before.ok() ? &*before : nullptr, incident, now_wall_ns);
}

absl::Status IncidentWriter::AttachDetections(const Incident& incident) {
  // The detections of a merged incident belong to the incident that it was merged into.
  if (!incident.merged_into.empty()) return absl::OkStatus();
  std::vector<std::string> gone;
  Statement& attached = attached_;
  attached.BindBlob(1, Blob(incident.id));
  while (true) {
    HT_ASSIGN_OR_RETURN(bool row, attached.Step());
    if (!row) break;
    const auto id = IdFrom<model::DetectionId>(attached.Blob(0));
    const auto& ids = incident.detections;
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) gone.emplace_back(attached.Blob(0));
  }
  attached.Reset();
  Statement& attach = attach_;
  for (const std::string& id : gone) {
    HT_RETURN_IF_ERROR(attach.BindBlob(1, id).BindNull(2).BindInt(3, ++numbers_->revision).Run());
  }
  for (const model::DetectionId& id : incident.detections) {
    attach.BindBlob(1, Blob(id)).BindBlob(2, Blob(incident.id));
    HT_RETURN_IF_ERROR(attach.BindInt(3, numbers_->revision + 1).Run());
    if (database_->Changes() > 0) ++numbers_->revision;
  }
  return absl::OkStatus();
}

}  // namespace hoptrail::collector::store
