#include "collector/store/schema.h"

#include "absl/strings/str_cat.h"

#include "core/base/status_macros.h"

namespace hoptrail::collector::store {
namespace {

// Ids are blobs: 16 bytes, a host 32 (machine id, boot id). Times are ns since 1970. `data` is the
// protobuf message of hoptrail.v1 that queries answer with; the other columns are what is searched
// and sorted by. `revision` orders changes for watchers: unique over detections and incidents.
constexpr char kVersion1[] = R"sql(
CREATE TABLE meta(name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES('epoch', lower(hex(randomblob(8)))), ('revision', 0);

CREATE TABLE hosts(
  id BLOB PRIMARY KEY, host_name TEXT NOT NULL DEFAULT '', state INTEGER NOT NULL DEFAULT 0,
  last_seen INTEGER NOT NULL DEFAULT 0, acknowledged INTEGER NOT NULL DEFAULT 0,
  clock_offset INTEGER NOT NULL DEFAULT 0, health BLOB NOT NULL DEFAULT x'',
  coverage BLOB NOT NULL DEFAULT x'') WITHOUT ROWID;
CREATE INDEX hosts_by_name ON hosts(host_name, id);

CREATE TABLE losses(
  id INTEGER PRIMARY KEY, host BLOB NOT NULL, until INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX losses_by_host ON losses(host, until);
CREATE INDEX losses_by_time ON losses(until);

CREATE TABLE sessions(
  id BLOB PRIMARY KEY, host BLOB NOT NULL, kind INTEGER NOT NULL, logged_in INTEGER NOT NULL,
  user TEXT NOT NULL, opened INTEGER NOT NULL, closed INTEGER NOT NULL, caused_by BLOB,
  data BLOB NOT NULL);
CREATE INDEX sessions_by_time ON sessions(opened, id);
CREATE INDEX sessions_by_host ON sessions(host, opened);
CREATE INDEX sessions_by_user ON sessions(user, opened);
CREATE INDEX sessions_by_cause ON sessions(caused_by) WHERE caused_by IS NOT NULL;

CREATE TABLE hops(
  id BLOB PRIMARY KEY, client_host BLOB, server_host BLOB, client_session BLOB,
  server_session BLOB, proof INTEGER NOT NULL, time INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX hops_by_time ON hops(time, id);
CREATE INDEX hops_by_client_session ON hops(client_session);
CREATE INDEX hops_by_server_session ON hops(server_session);
CREATE INDEX hops_by_client_host ON hops(client_host, time);
CREATE INDEX hops_by_server_host ON hops(server_host, time);

CREATE TABLE edges(
  id INTEGER PRIMARY KEY, host BLOB NOT NULL, side INTEGER NOT NULL, program TEXT NOT NULL,
  uid INTEGER NOT NULL, peer BLOB NOT NULL, port INTEGER NOT NULL, minute INTEGER NOT NULL,
  connections INTEGER NOT NULL, failures INTEGER NOT NULL, sent INTEGER NOT NULL,
  received INTEGER NOT NULL, UNIQUE(host, minute, side, program, uid, peer, port));
CREATE INDEX edges_by_time ON edges(minute, id);
CREATE INDEX edges_by_peer ON edges(peer, minute);

CREATE TABLE login_attempts(
  id INTEGER PRIMARY KEY, host BLOB NOT NULL, session BLOB NOT NULL, time INTEGER NOT NULL,
  data BLOB NOT NULL);
CREATE INDEX login_attempts_by_time ON login_attempts(time);

CREATE TABLE detections(
  id BLOB PRIMARY KEY, rule TEXT NOT NULL, severity INTEGER NOT NULL, session BLOB NOT NULL,
  host BLOB NOT NULL, time INTEGER NOT NULL, incident BLOB, revision INTEGER NOT NULL UNIQUE,
  data BLOB NOT NULL);
CREATE INDEX detections_by_time ON detections(time, id);
CREATE INDEX detections_by_session ON detections(session);
CREATE INDEX detections_by_incident ON detections(incident) WHERE incident IS NOT NULL;

CREATE TABLE incidents(
  id BLOB PRIMARY KEY, root BLOB NOT NULL, state INTEGER NOT NULL, severity INTEGER NOT NULL,
  opened INTEGER NOT NULL, updated INTEGER NOT NULL, revision INTEGER NOT NULL UNIQUE,
  data BLOB NOT NULL);
CREATE INDEX incidents_by_time ON incidents(updated, id);

CREATE TABLE incident_sessions(
  session BLOB NOT NULL, incident BLOB NOT NULL, PRIMARY KEY(session, incident)) WITHOUT ROWID;
CREATE INDEX incident_sessions_by_incident ON incident_sessions(incident);

CREATE TABLE outbox(
  id INTEGER PRIMARY KEY AUTOINCREMENT, incident BLOB NOT NULL, action INTEGER NOT NULL,
  version INTEGER NOT NULL DEFAULT 1, failed INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0, not_before INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL, reason TEXT NOT NULL DEFAULT '');
CREATE INDEX outbox_by_incident ON outbox(incident, id);
)sql";

// Edges of other protocols than TCP (6).
constexpr char kVersion2[] = R"sql(
DROP INDEX edges_by_time;
DROP INDEX edges_by_peer;
ALTER TABLE edges RENAME TO edges_1;
CREATE TABLE edges(
  id INTEGER PRIMARY KEY, host BLOB NOT NULL, side INTEGER NOT NULL, program TEXT NOT NULL,
  uid INTEGER NOT NULL, peer BLOB NOT NULL, port INTEGER NOT NULL, protocol INTEGER NOT NULL,
  minute INTEGER NOT NULL, connections INTEGER NOT NULL, failures INTEGER NOT NULL,
  sent INTEGER NOT NULL, received INTEGER NOT NULL,
  UNIQUE(host, minute, side, program, uid, peer, port, protocol));
INSERT INTO edges SELECT id, host, side, program, uid, peer, port, 6, minute, connections, failures,
  sent, received FROM edges_1;
DROP TABLE edges_1;
CREATE INDEX edges_by_time ON edges(minute, id);
CREATE INDEX edges_by_peer ON edges(peer, minute);
)sql";

// Pages that wait for the hosts that may know more.
constexpr char kVersion3[] = R"sql(
ALTER TABLE outbox ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_held ON outbox(created) WHERE held;
)sql";

// One step a version.
constexpr const char* kSteps[kSchemaVersion] = {kVersion1, kVersion2, kVersion3};

}  // namespace

absl::Status Migrate(sqlite::Database* database) {
  HT_ASSIGN_OR_RETURN(int64_t version, database->UserVersion());
  if (version > kSchemaVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("the store's schema has version ", version, ", this program knows versions up",
                     " to ", kSchemaVersion, ": a newer hoptrail-collector has written it"));
  }
  if (version == kSchemaVersion) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database));
  for (; version < kSchemaVersion; ++version) {
    HT_RETURN_IF_ERROR(database->Execute(kSteps[version]));
  }
  HT_RETURN_IF_ERROR(database->SetUserVersion(kSchemaVersion));
  return transaction.Commit();
}

}  // namespace hoptrail::collector::store
