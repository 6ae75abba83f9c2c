#include "collector/store/sqlite/writer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "collector/store/sqlite/codec.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::store {

using model::Hop;
using model::Incident;
using sqlite::Statement;

struct Writer::Statements {
  struct Entry {
    Statement Statements::*statement;
    const char* sql;
  };
  Statement host, session, delete_hop, hop, edge, find_detection, detection, attached, attach,
      find_incident, incident, clear_sessions, incident_session, login_attempt, trim_login_attempts,
      loss, revision, arrival;
};

namespace {

// What is not listed is kept for its sessions only. 11: whether it is listed.
constexpr char kHost[] =
    "INSERT INTO hosts(id, host_name, state, last_seen, acknowledged, clock_offset, health,"
    " coverage, machine, first_seen, connected, listed, agent_degradations,"
    " collector_degradations, incarnation, nonce) VALUES(?1, coalesce(?2, ''), coalesce(?3, 0), "
    "coalesce(?4, 0),"
    " coalesce(?5, 0), coalesce(?6, 0), coalesce(?7, x''), coalesce(?8, x''), ?9,"
    " coalesce(?10, 0), coalesce(?10, 0), coalesce(?11, 0), coalesce(?12, x''),"
    " coalesce(?13, x''), coalesce(?14, 0), coalesce(?15, x'')) ON CONFLICT(id) DO UPDATE SET"
    " host_name = coalesce(?2, host_name), state = coalesce(?3, state),"
    " last_seen = max(last_seen, coalesce(?4, 0)),"
    " acknowledged = max(acknowledged, coalesce(?5, 0)),"
    " clock_offset = coalesce(?6, clock_offset), health = coalesce(?7, health),"
    " coverage = coalesce(?8, coverage), connected = coalesce(?10, connected),"
    " listed = coalesce(?11, listed), agent_degradations = coalesce(?12, agent_degradations),"
    " collector_degradations = coalesce(?13, collector_degradations),"
    " incarnation = coalesce(?14, incarnation), nonce = coalesce(?15, nonce)";
constexpr char kSession[] =
    "INSERT INTO sessions(id, host, kind, logged_in, user, opened, closed, caused_by, data,"
    " arrived, heard) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT(id)"
    " DO UPDATE SET host = ?2, kind = ?3, logged_in = ?4, user = ?5, opened = ?6, closed = ?7,"
    " caused_by = ?8, data = ?9, heard = ?11";
constexpr char kHop[] =
    "INSERT INTO hops(id, client_host, server_host, client_session, server_session, proof, time,"
    " data, arrived) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT(id) DO UPDATE SET"
    " client_host = ?2, server_host = ?3, client_session = ?4, server_session = ?5, proof = ?6,"
    " time = ?7, data = ?8";
constexpr char kEdge[] =
    "INSERT INTO edges(host, side, program, uid, peer, port, minute, connections, failures, sent,"
    " received, protocol) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO "
    "UPDATE SET"
    " connections = connections + ?8, failures = failures + ?9, sent = sent + ?10,"
    " received = received + ?11";
constexpr char kDetection[] =
    "INSERT INTO detections(id, rule, severity, session, host, time, revision, data, arrived)"
    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT(id) DO UPDATE SET rule = ?2,"
    " severity = ?3, session = ?4, host = ?5, time = ?6, revision = ?7, data = ?8,"
    " arrived = CASE WHEN ?6 > time THEN ?9 ELSE arrived END";  // it has happened again
constexpr char kAttach[] =
    "UPDATE detections SET incident = ?2, revision = ?3 WHERE id = ?1 AND incident IS NOT ?2";
constexpr char kIncident[] =
    "INSERT INTO incidents(id, root, state, severity, opened, updated, revision, data)"
    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(id) DO UPDATE SET root = ?2, state = ?3,"
    " severity = ?4, opened = ?5, updated = ?6, revision = ?7, data = ?8";

// Within one transaction rows arrive at once: then their own times say which comes first.
template <typename T, typename Time>
std::vector<const T*> InOrder(const std::vector<T>& values, Time time_of) {
  std::vector<const T*> sorted;
  for (const T& value : values) sorted.push_back(&value);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&time_of](const T* a, const T* b) { return time_of(*a) < time_of(*b); });
  return sorted;
}

int64_t TimeOf(const StoredHop& stored) {
  if (stored.hop.server) return stored.hop.server->established_wall_ns;
  return stored.hop.client ? stored.hop.client->established_wall_ns : 0;
}

void BindOrNull(Statement* statement, int index, absl::string_view blob) {
  if (blob.empty()) {
    statement->BindNull(index);
  } else {
    statement->BindBlob(index, blob);
  }
}

}  // namespace

Writer::Writer(sqlite::Database database, const Options& options)
    : database_(std::move(database)), options_(options) {}

Writer::~Writer() = default;

absl::StatusOr<std::unique_ptr<Writer>> Writer::Create(sqlite::Database database,
                                                       const Options& options) {
  std::unique_ptr<Writer> writer(new Writer(std::move(database), options));
  writer->statements_ = std::make_unique<Statements>();
  const Statements::Entry kEntries[] = {
      {&Statements::host, kHost},
      {&Statements::session, kSession},
      {&Statements::delete_hop, "DELETE FROM hops WHERE id = ?1"},
      {&Statements::hop, kHop},
      {&Statements::edge, kEdge},
      {&Statements::find_detection, "SELECT data FROM detections WHERE id = ?1"},
      {&Statements::detection, kDetection},
      {&Statements::attached, "SELECT id FROM detections WHERE incident = ?1"},
      {&Statements::attach, kAttach},
      {&Statements::find_incident, "SELECT data FROM incidents WHERE id = ?1"},
      {&Statements::incident, kIncident},
      {&Statements::clear_sessions, "DELETE FROM incident_sessions WHERE incident = ?1"},
      {&Statements::incident_session, "INSERT OR IGNORE INTO incident_sessions VALUES(?1, ?2)"},
      {&Statements::login_attempt,
       "INSERT INTO login_attempts(host, session, time, data) VALUES(?1, ?2, ?3, ?4)"},
      {&Statements::trim_login_attempts,
       "DELETE FROM login_attempts WHERE id <= (SELECT max(id) FROM login_attempts) - ?1"},
      {&Statements::loss, "INSERT INTO losses(host, until, data) VALUES(?1, ?2, ?3)"},
      {&Statements::revision, "UPDATE meta SET value = ?1 WHERE name = 'revision'"},
      {&Statements::arrival, "UPDATE meta SET value = ?1 WHERE name = 'arrival'"},
  };
  for (const Statements::Entry& entry : kEntries) {
    absl::StatusOr<Statement> statement = writer->database_.Prepare(entry.sql);
    if (!statement.ok()) return Annotate(statement.status(), entry.sql);
    writer->statements_.get()->*entry.statement = *std::move(statement);
  }
  HT_ASSIGN_OR_RETURN(Statement numbers,
                      writer->database_.Prepare("SELECT value FROM meta WHERE name IN ('arrival',"
                                                " 'revision') ORDER BY name"));
  for (int64_t* number : {&writer->arrival_, &writer->revision_}) {
    HT_ASSIGN_OR_RETURN(bool row, numbers.Step());
    if (!row) return absl::DataLossError("the store has lost its revision number");
    *number = numbers.Int(0);
  }
  HT_ASSIGN_OR_RETURN(writer->outbox_, OutboxWriter::Create(&writer->database_));
  return writer;
}

absl::Status Writer::Write(const WriteBatch& batch, int64_t now_wall_ns) {
  const int64_t revision_before = revision_;
  const int64_t arrival_before = arrival_;
  absl::Status status = [&]() -> absl::Status {
    HT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(&database_));
    for (const auto& [host, change] : batch.hosts) HT_RETURN_IF_ERROR(WriteHost(host, change));
    for (const auto* session :
         InOrder(batch.sessions, [](const auto& s) { return s.opened_wall_ns; })) {
      HT_RETURN_IF_ERROR(WriteSession(*session, now_wall_ns));
    }
    for (const auto& key : batch.removed_hops) {
      HT_RETURN_IF_ERROR(statements_->delete_hop.BindBlob(1, Blob(key)).Run());
    }
    for (const auto* hop : InOrder(batch.hops, TimeOf)) HT_RETURN_IF_ERROR(WriteHop(*hop));
    for (const auto& edge : batch.edges) HT_RETURN_IF_ERROR(WriteEdge(edge));
    for (const auto* item : InOrder(batch.detections, [](const auto& d) { return d.wall_ns; })) {
      HT_RETURN_IF_ERROR(WriteDetection(*item));
    }
    for (const auto& item : batch.incidents) HT_RETURN_IF_ERROR(WriteIncident(item, now_wall_ns));
    HT_RETURN_IF_ERROR(WriteAppended(batch));
    if (revision_ != revision_before) {
      HT_RETURN_IF_ERROR(statements_->revision.BindInt(1, revision_).Run());
    }
    if (arrival_ != arrival_before) {
      HT_RETURN_IF_ERROR(statements_->arrival.BindInt(1, arrival_).Run());
    }
    return transaction.Commit();
  }();
  if (!status.ok()) {
    revision_ = revision_before;
    arrival_ = arrival_before;
  }
  return status;
}

absl::Status Writer::WriteHost(const model::HostId& host, const HostChange& change) {
  Statement& s = statements_->host;
  // Parameters that are not bound are NULL: "as it was".
  s.BindBlob(1, Blob(host));
  if (change.host_name) s.BindText(2, *change.host_name);
  if (change.state) s.BindInt(3, static_cast<int64_t>(*change.state));
  if (change.last_seen_wall_ns) s.BindInt(4, *change.last_seen_wall_ns);
  if (change.acknowledged_sequence) {
    s.BindInt(5, static_cast<int64_t>(*change.acknowledged_sequence));
  }
  if (change.clock_offset_ns) s.BindInt(6, *change.clock_offset_ns);
  if (change.health) {
    s.BindBlob(7, Encode(*change.health)).BindBlob(12, Encode(change.health->degradations));
  }
  if (change.coverage) s.BindBlob(8, Encode(*change.coverage));
  s.BindBlob(9, Blob(host.machine));
  if (change.connected_wall_ns) s.BindInt(10, *change.connected_wall_ns).BindInt(11, 1);
  if (change.listed) s.BindInt(11, *change.listed);
  if (change.collector_degradations) s.BindBlob(13, Encode(*change.collector_degradations));
  if (change.incarnation) {
    s.BindInt(14, static_cast<int64_t>(change.incarnation->counter));
    s.BindBlob(15, Blob(change.incarnation->nonce));
  }
  return s.Run();
}

absl::Status Writer::WriteSession(const model::Session& session, int64_t now_wall_ns) {
  Statement& s = statements_->session;
  s.BindBlob(1, Blob(session.id)).BindBlob(2, Blob(session.host));
  s.BindInt(3, static_cast<int64_t>(session.kind)).BindInt(4, session.logged_in);
  s.BindText(5, session.user).BindInt(6, session.opened_wall_ns);
  s.BindInt(7, session.closed_wall_ns);
  BindOrNull(&s, 8, session.caused_by.empty() ? "" : Blob(session.caused_by));
  s.BindBlob(9, Encode(session)).BindInt(10, ++arrival_);
  return s.BindInt(11, now_wall_ns).Run();
}

absl::Status Writer::WriteHop(const StoredHop& stored) {
  const Hop& hop = stored.hop;
  Statement& s = statements_->hop;
  s.BindBlob(1, Blob(stored.key));
  if (hop.client) {
    s.BindBlob(2, Blob(hop.client->host));
    BindOrNull(&s, 4, hop.client->session.empty() ? "" : Blob(hop.client->session));
  }
  if (hop.server) {
    s.BindBlob(3, Blob(hop.server->host));
    BindOrNull(&s, 5, hop.server->session.empty() ? "" : Blob(hop.server->session));
  }
  s.BindInt(6, static_cast<int64_t>(hop.proof));
  s.BindInt(7, TimeOf(stored));
  return s.BindBlob(8, Encode(hop)).BindInt(9, ++arrival_).Run();
}

absl::Status Writer::WriteEdge(const model::EdgeCount& edge) {
  Statement& s = statements_->edge;
  s.BindBlob(1, Blob(edge.host)).BindInt(2, static_cast<int64_t>(edge.side));
  s.BindText(3, edge.program).BindInt(4, edge.uid).BindBlob(5, Blob(edge.peer));
  s.BindInt(6, edge.server_port).BindInt(7, edge.minute_wall_ns).BindInt(8, edge.connections);
  s.BindInt(9, edge.failures).BindInt(10, static_cast<int64_t>(edge.bytes_sent));
  s.BindInt(11, static_cast<int64_t>(edge.bytes_received));
  return s.BindInt(12, edge.protocol).Run();
}

absl::Status Writer::WriteDetection(const model::Detection& detection) {
  const std::string data = Encode(detection);
  Statement& find = statements_->find_detection;
  find.BindBlob(1, Blob(detection.id));
  HT_ASSIGN_OR_RETURN(bool known, find.Step());
  const bool same = known && find.Blob(0) == data;
  find.Reset();
  if (same) return absl::OkStatus();  // watchers need not hear the same twice
  Statement& s = statements_->detection;
  s.BindBlob(1, Blob(detection.id)).BindText(2, detection.rule);
  s.BindInt(3, static_cast<int64_t>(detection.severity)).BindBlob(4, Blob(detection.session));
  s.BindBlob(5, Blob(detection.host)).BindInt(6, detection.wall_ns).BindInt(7, ++revision_);
  return s.BindBlob(8, data).BindInt(9, ++arrival_).Run();
}

absl::Status Writer::WriteIncident(const Incident& incident, int64_t now_wall_ns) {
  const std::string data = Encode(incident);
  Statement& find = statements_->find_incident;
  find.BindBlob(1, Blob(incident.id));
  HT_ASSIGN_OR_RETURN(bool known, find.Step());
  const std::string before_data(known ? find.Blob(0) : "");
  find.Reset();
  if (known && before_data == data) return absl::OkStatus();
  Statement& s = statements_->incident;
  s.BindBlob(1, Blob(incident.id)).BindBlob(2, Blob(incident.root));
  s.BindInt(3, static_cast<int64_t>(incident.state));
  s.BindInt(4, static_cast<int64_t>(incident.severity)).BindInt(5, incident.opened_wall_ns);
  s.BindInt(6, incident.updated_wall_ns).BindInt(7, ++revision_).BindBlob(8, data);
  HT_RETURN_IF_ERROR(s.Run());
  HT_RETURN_IF_ERROR(statements_->clear_sessions.BindBlob(1, Blob(incident.id)).Run());
  for (const model::SessionId& session : incident.sessions) {
    Statement& add = statements_->incident_session;
    HT_RETURN_IF_ERROR(add.BindBlob(1, Blob(session)).BindBlob(2, Blob(incident.id)).Run());
  }
  HT_RETURN_IF_ERROR(AttachDetections(incident));
  if (!options_.notify) return absl::OkStatus();
  if (!known) return outbox_->Tell(nullptr, incident, now_wall_ns);
  const absl::StatusOr<Incident> before = DecodeIncident(before_data);
  return outbox_->Tell(before.ok() ? &*before : nullptr, incident, now_wall_ns);
}

absl::Status Writer::AttachDetections(const Incident& incident) {
  // The detections of an incident that was merged belong to the one that took it in.
  if (!incident.merged_into.empty()) return absl::OkStatus();
  std::vector<std::string> gone;
  Statement& attached = statements_->attached;
  attached.BindBlob(1, Blob(incident.id));
  while (true) {
    HT_ASSIGN_OR_RETURN(bool row, attached.Step());
    if (!row) break;
    const auto id = IdFrom<model::DetectionId>(attached.Blob(0));
    const auto& ids = incident.detections;
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) gone.emplace_back(attached.Blob(0));
  }
  attached.Reset();
  Statement& attach = statements_->attach;
  for (const std::string& id : gone) {
    HT_RETURN_IF_ERROR(attach.BindBlob(1, id).BindNull(2).BindInt(3, ++revision_).Run());
  }
  for (const model::DetectionId& id : incident.detections) {
    attach.BindBlob(1, Blob(id)).BindBlob(2, Blob(incident.id));
    HT_RETURN_IF_ERROR(attach.BindInt(3, revision_ + 1).Run());
    if (database_.Changes() > 0) ++revision_;
  }
  return absl::OkStatus();
}

absl::Status Writer::WriteAppended(const WriteBatch& batch) {
  for (const model::LoginAttempt& attempt : batch.login_attempts) {
    Statement& s = statements_->login_attempt;
    s.BindBlob(1, Blob(attempt.host)).BindBlob(2, Blob(attempt.session));
    HT_RETURN_IF_ERROR(s.BindInt(3, attempt.wall_ns).BindBlob(4, Encode(attempt)).Run());
  }
  if (!batch.login_attempts.empty()) {
    Statement& trim = statements_->trim_login_attempts;
    HT_RETURN_IF_ERROR(trim.BindInt(1, options_.max_login_attempts).Run());
  }
  for (const model::Loss& loss : batch.losses) {
    Statement& s = statements_->loss;
    s.BindBlob(1, Blob(loss.host)).BindInt(2, loss.until_wall_ns);
    HT_RETURN_IF_ERROR(s.BindBlob(3, Encode(loss)).Run());
  }
  return absl::OkStatus();
}

}  // namespace hoptrail::collector::store
