#include "collector/store/sqlite/sqlite_reader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "collector/store/sqlite/address_search.h"
#include "collector/store/sqlite/blobs.h"
#include "collector/store/sqlite/host_reader.h"
#include "collector/store/sqlite/id_search.h"
#include "collector/store/sqlite/incident_state.h"
#include "collector/store/sqlite/read_page.h"
#include "collector/store/sqlite/rows.h"
#include "collector/store/sqlite/select.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::store {
namespace {

using sqlite::Statement;

template <typename T>
absl::StatusOr<std::vector<Change<T>>> ReadChanges(Statement* statement,
                                                   absl::StatusOr<T> (*from_row)(const Statement&),
                                                   int revision_column) {
  std::vector<Change<T>> changes;
  while (true) {
    HT_ASSIGN_OR_RETURN(bool row, statement->Step());
    if (!row) return changes;
    HT_ASSIGN_OR_RETURN(T value, from_row(*statement));
    changes.push_back({statement->Int(revision_column), std::move(value)});
  }
}

template <typename T>
absl::StatusOr<T> GetOne(sqlite::Database* database, absl::string_view select,
                         absl::string_view key_column, absl::string_view key,
                         absl::string_view what, absl::StatusOr<T> (*from_row)(const Statement&)) {
  HT_ASSIGN_OR_RETURN(Statement statement,
                      database->Prepare(absl::StrCat(select, " WHERE ", key_column, " = ?1")));
  statement.BindBlob(1, key);
  HT_ASSIGN_OR_RETURN(bool row, statement.Step());
  if (!row) return absl::NotFoundError(absl::StrCat("there is no such ", what));
  return from_row(statement);
}

void NarrowToHost(Select* select, absl::string_view column, const model::HostId& host) {
  const auto [first, last] = BlobRange(host);
  select->Where(absl::StrCat(column, " BETWEEN ? AND ?")).Blob(first).Blob(last);
}

void Narrow(Select* select, const DetectionFilter& filter) {
  if (filter.rule) select->Where("d.rule = ?").Text(*filter.rule);
  if (filter.severity) select->Where("d.severity = ?").Int(static_cast<int>(*filter.severity));
  if (filter.least_severity) {
    select->Where("d.severity >= ?").Int(static_cast<int>(*filter.least_severity));
  }
  if (filter.session) select->Where("d.session = ?").Blob(Blob(*filter.session));
  if (filter.host) NarrowToHost(select, "d.host", *filter.host);
  if (filter.host_name) select->Where("h.host_name = ?").Text(*filter.host_name);
  if (filter.incident) select->Where("d.incident = ?").Blob(Blob(*filter.incident));
}

void Narrow(Select* select, const IncidentFilter& filter) {
  if (filter.state) select->Where("i.state = ?").Int(static_cast<int>(*filter.state));
  if (filter.severity) select->Where("i.severity = ?").Int(static_cast<int>(*filter.severity));
  if (filter.least_severity) {
    select->Where("i.severity >= ?").Int(static_cast<int>(*filter.least_severity));
  }
  if (filter.root) select->Where("i.root = ?").Blob(Blob(*filter.root));
}

}  // namespace

SqliteReader::SqliteReader(sqlite::Database database) : database_(std::move(database)) {}

absl::StatusOr<std::unique_ptr<Reader>> SqliteReader::Open(const std::string& path) {
  HT_ASSIGN_OR_RETURN(sqlite::Database database,
                      sqlite::Database::Open({.path = path, .read_only = true}));
  return std::unique_ptr<Reader>(new SqliteReader(std::move(database)));
}

absl::StatusOr<Page<SessionView>> SqliteReader::ListSessions(const SessionFilter& filter,
                                                             const std::optional<Cursor>& after,
                                                             int limit) {
  Select select(kSelectSessions);
  if (filter.host) NarrowToHost(&select, "s.host", *filter.host);
  if (filter.host_name) select.Where("h.host_name = ?").Text(*filter.host_name);
  if (filter.user) select.Where("s.user = ?").Text(*filter.user);
  if (!filter.kinds.empty()) {
    const std::vector<absl::string_view> one_each(filter.kinds.size(), "?");
    select.Where(absl::StrCat("s.kind IN (", absl::StrJoin(one_each, ", "), ")"));
    for (const model::EntryKind kind : filter.kinds) select.Int(static_cast<int>(kind));
  }
  if (filter.logged_in) select.Where("s.logged_in = ?").Int(*filter.logged_in);
  if (filter.open) select.Where("(s.closed = 0) = ?").Int(*filter.open);
  if (filter.active_since_wall_ns) {
    select.Where("s.closed = 0 OR s.heard >= ?").Int(*filter.active_since_wall_ns);
  }
  if (after) select.Where("(s.arrived, s.id) < (?, ?)").Int(after->number).Blob(after->key);
  HT_ASSIGN_OR_RETURN(
      Statement statement,
      select.Prepare(&database_, "ORDER BY s.arrived DESC, s.id DESC LIMIT ?", limit + 1));
  return ReadPage<SessionView>(&statement, limit, SessionFromRow, 2, -1, 3);
}

absl::StatusOr<Page<StoredHop>> SqliteReader::ListHops(const HopFilter& filter,
                                                       const std::optional<Cursor>& after,
                                                       int limit) {
  Select select(kSelectHops);
  if (filter.host) {
    const auto [first, last] = BlobRange(*filter.host);
    select.Where("p.client_host BETWEEN ? AND ? OR p.server_host BETWEEN ? AND ?");
    select.Blob(first).Blob(last).Blob(first).Blob(last);
  }
  if (filter.session) {
    const absl::string_view session = Blob(*filter.session);
    select.Where("p.client_session = ? OR p.server_session = ?").Blob(session).Blob(session);
  }
  if (filter.proof) select.Where("p.proof = ?").Int(static_cast<int>(*filter.proof));
  if (after) select.Where("(p.arrived, p.id) < (?, ?)").Int(after->number).Blob(after->key);
  HT_ASSIGN_OR_RETURN(
      Statement statement,
      select.Prepare(&database_, "ORDER BY p.arrived DESC, p.id DESC LIMIT ?", limit + 1));
  return ReadPage<StoredHop>(&statement, limit, HopFromRow, 1, -1, 2);
}

absl::StatusOr<Page<model::EdgeCount>> SqliteReader::ListEdges(const EdgeFilter& filter,
                                                               const std::optional<Cursor>& after,
                                                               int limit) {
  Select select(kSelectEdges);
  if (filter.host) NarrowToHost(&select, "e.host", *filter.host);
  if (filter.peer) select.Where("e.peer = ?").Blob(Blob(*filter.peer));
  if (filter.program) select.Where("e.program = ?").Text(*filter.program);
  if (filter.server_port) select.Where("e.port = ?").Int(*filter.server_port);
  if (filter.side) select.Where("e.side = ?").Int(static_cast<int>(*filter.side));
  if (filter.protocol) select.Where("e.protocol = ?").Int(*filter.protocol);
  if (after) select.Where("e.id < ?").Int(after->number);
  HT_ASSIGN_OR_RETURN(Statement statement,
                      select.Prepare(&database_, "ORDER BY e.id DESC LIMIT ?", limit + 1));
  return ReadPage<model::EdgeCount>(&statement, limit, EdgeFromRow, 11, -1, 11);
}

absl::StatusOr<Page<DetectionView>> SqliteReader::ListDetections(const DetectionFilter& filter,
                                                                 const std::optional<Cursor>& after,
                                                                 int limit) {
  Select select(kSelectDetections);
  Narrow(&select, filter);
  if (after) select.Where("(d.arrived, d.id) < (?, ?)").Int(after->number).Blob(after->key);
  HT_ASSIGN_OR_RETURN(
      Statement statement,
      select.Prepare(&database_, "ORDER BY d.arrived DESC, d.id DESC LIMIT ?", limit + 1));
  return ReadPage<DetectionView>(&statement, limit, DetectionFromRow, 4, -1, 5);
}

absl::StatusOr<Page<model::Incident>> SqliteReader::ListIncidents(
    const IncidentFilter& filter, const std::optional<Cursor>& after, int limit) {
  Select select(kSelectIncidents);
  Narrow(&select, filter);
  if (after) select.Where("i.revision < ?").Int(after->number);
  HT_ASSIGN_OR_RETURN(Statement statement,
                      select.Prepare(&database_, "ORDER BY i.revision DESC LIMIT ?", limit + 1));
  return ReadPage<model::Incident>(&statement, limit, IncidentFromRow, 1, -1, 2);
}

absl::StatusOr<Page<HostView>> SqliteReader::ListHosts(const HostFilter& filter,
                                                       const std::optional<Cursor>& after,
                                                       int limit) {
  return store::ListHosts(&database_, filter, after, limit);
}

absl::StatusOr<model::SessionId> SqliteReader::FindSession(absl::string_view digits) {
  HT_ASSIGN_OR_RETURN(std::string id, FindId(&database_, "sessions", "session", digits));
  return IdFrom<model::SessionId>(id);
}

absl::StatusOr<model::DetectionId> SqliteReader::FindDetection(absl::string_view digits) {
  HT_ASSIGN_OR_RETURN(std::string id, FindId(&database_, "detections", "detection", digits));
  return IdFrom<model::DetectionId>(id);
}

absl::StatusOr<model::IncidentId> SqliteReader::FindIncident(absl::string_view digits) {
  HT_ASSIGN_OR_RETURN(std::string id, FindId(&database_, "incidents", "incident", digits));
  return IdFrom<model::IncidentId>(id);
}

absl::StatusOr<model::HostId> SqliteReader::FindHost(absl::string_view digits_or_name) {
  return store::FindHost(&database_, digits_or_name);
}

absl::StatusOr<SessionView> SqliteReader::GetSession(const model::SessionId& id) {
  return GetOne(&database_, kSelectSessions, "s.id", Blob(id), "session", SessionFromRow);
}

absl::StatusOr<StoredHop> SqliteReader::GetHop(const graph::HopId& id) {
  return GetOne(&database_, kSelectHops, "p.id", Blob(id), "hop", HopFromRow);
}

absl::StatusOr<DetectionView> SqliteReader::GetDetection(const model::DetectionId& id) {
  return GetOne(&database_, kSelectDetections, "d.id", Blob(id), "detection", DetectionFromRow);
}

absl::StatusOr<model::Incident> SqliteReader::GetIncident(const model::IncidentId& id) {
  return GetOne(&database_, kSelectIncidents, "i.id", Blob(id), "incident", IncidentFromRow);
}

absl::StatusOr<std::optional<DeliveryView>> SqliteReader::DeliveryOf(const model::IncidentId& id) {
  return store::DeliveryOf(&database_, id);
}

absl::StatusOr<std::vector<DegradedHostView>> SqliteReader::DegradedHostsOf(
    const model::IncidentId& id, bool all) {
  return store::DegradedHostsOf(&database_, id, all);
}

absl::StatusOr<HostView> SqliteReader::GetHost(const model::MachineId& machine) {
  return store::GetHost(&database_, machine);
}

absl::StatusOr<std::vector<AddressHostView>> SqliteReader::HostsWithAddress(
    const model::IpAddress& address) {
  return store::HostsWithAddress(&database_, address);
}

absl::StatusOr<std::string> SqliteReader::RawSocketProgram(const model::HostId& host,
                                                           int64_t from_wall_ns,
                                                           int64_t until_wall_ns) {
  return store::RawSocketProgram(&database_, host, from_wall_ns, until_wall_ns);
}

absl::StatusOr<std::vector<DetectionView>> SqliteReader::DetectionsOf(const model::SessionId& id,
                                                                      int limit) {
  Select select(kSelectDetections);
  select.Where("d.session = ?").Blob(Blob(id));
  HT_ASSIGN_OR_RETURN(Statement statement,
                      select.Prepare(&database_, "ORDER BY d.arrived, d.id LIMIT ?", limit));
  std::vector<DetectionView> detections;
  while (true) {
    HT_ASSIGN_OR_RETURN(bool row, statement.Step());
    if (!row) return detections;
    HT_ASSIGN_OR_RETURN(DetectionView detection, DetectionFromRow(statement));
    detections.push_back(std::move(detection));
  }
}

absl::StatusOr<std::vector<Change<DetectionView>>> SqliteReader::DetectionsAfter(
    const DetectionFilter& filter, int64_t after, int limit) {
  Select select(kSelectDetections);
  select.Where("d.revision > ?").Int(after);
  Narrow(&select, filter);
  HT_ASSIGN_OR_RETURN(Statement statement,
                      select.Prepare(&database_, "ORDER BY d.revision LIMIT ?", limit));
  return ReadChanges<DetectionView>(&statement, DetectionFromRow, 3);
}

absl::StatusOr<std::vector<Change<model::Incident>>> SqliteReader::IncidentsAfter(
    const IncidentFilter& filter, int64_t after, int limit) {
  Select select(kSelectIncidents);
  select.Where("i.revision > ?").Int(after);
  Narrow(&select, filter);
  HT_ASSIGN_OR_RETURN(Statement statement,
                      select.Prepare(&database_, "ORDER BY i.revision LIMIT ?", limit));
  return ReadChanges<model::Incident>(&statement, IncidentFromRow, 1);
}

absl::StatusOr<int64_t> SqliteReader::Revision() {
  HT_ASSIGN_OR_RETURN(Statement select,
                      database_.Prepare("SELECT value FROM meta WHERE name = 'revision'"));
  HT_ASSIGN_OR_RETURN(bool row, select.Step());
  if (!row) return absl::DataLossError("the store has lost its revision number");
  return select.Int(0);
}

absl::StatusOr<std::string> SqliteReader::Epoch() {
  HT_ASSIGN_OR_RETURN(Statement select,
                      database_.Prepare("SELECT value FROM meta WHERE name = 'epoch'"));
  HT_ASSIGN_OR_RETURN(bool row, select.Step());
  if (!row) return absl::DataLossError("the store has lost its epoch");
  return std::string(select.Text(0));
}

}  // namespace hoptrail::collector::store
