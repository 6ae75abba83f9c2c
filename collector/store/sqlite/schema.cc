#include "collector/store/sqlite/schema.h"

#include <iterator>

#include "absl/strings/str_cat.h"

#include "collector/store/sqlite/address_search.h"
#include "collector/store/sqlite/schema_blobs.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::store {
namespace {

// Ids are blobs: 16 bytes, a host 32 (machine id, boot id). Times are ns since 1970. `data` is a
// protobuf message of the store's own (hoptrail.internal; up to version 5 of hoptrail.v1). Queries
// search and sort by the other columns. `revision` orders changes for watchers: unique over
// detections and incidents.
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

// Holds pages while hosts may have more to report.
constexpr char kVersion3[] = R"sql(
ALTER TABLE outbox ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_held ON outbox(created) WHERE held;
)sql";

// Pages stay until they are accepted. A page that an earlier version gave up is tried again where
// the incident is still in the state of the page (1: open, 3: resolved).
constexpr char kVersion4Pages[] = R"sql(
DELETE FROM outbox WHERE failed AND NOT EXISTS (SELECT 1 FROM incidents i WHERE i.id = incident
  AND ((outbox.action = 1 AND i.state = 1) OR (outbox.action = 3 AND i.state = 3)));
UPDATE outbox SET attempts = 0 WHERE failed;
ALTER TABLE outbox DROP COLUMN failed;
ALTER TABLE outbox DROP COLUMN not_before;
ALTER TABLE outbox ADD COLUMN attempted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN next_attempt INTEGER NOT NULL DEFAULT 0;
CREATE TABLE deliveries(
  incident BLOB PRIMARY KEY, attempts INTEGER NOT NULL, attempted INTEGER NOT NULL,
  reason TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
CREATE TABLE notifiers(
  name TEXT PRIMARY KEY, attempted INTEGER NOT NULL, next_attempt INTEGER NOT NULL,
  reason TEXT NOT NULL) WITHOUT ROWID;
)sql";

// A host is a machine with its boots. `connected` orders them: when the boot's stream was last
// opened, by the collector's clock, and later than that of every boot before. A row that is no
// longer listed is kept while sessions name it. Up to version 5 the degradations are Host messages
// without other fields.
constexpr char kVersion4Hosts[] = R"sql(
DROP INDEX hosts_by_name;
ALTER TABLE hosts RENAME TO hosts_3;
CREATE TABLE hosts(
  id BLOB PRIMARY KEY, machine BLOB NOT NULL, host_name TEXT NOT NULL DEFAULT '',
  state INTEGER NOT NULL DEFAULT 0, listed INTEGER NOT NULL DEFAULT 1,
  first_seen INTEGER NOT NULL DEFAULT 0, connected INTEGER NOT NULL DEFAULT 0,
  last_seen INTEGER NOT NULL DEFAULT 0, acknowledged INTEGER NOT NULL DEFAULT 0,
  clock_offset INTEGER NOT NULL DEFAULT 0, health BLOB NOT NULL DEFAULT x'',
  coverage BLOB NOT NULL DEFAULT x'', agent_degradations BLOB NOT NULL DEFAULT x'',
  collector_degradations BLOB NOT NULL DEFAULT x'') WITHOUT ROWID;
INSERT INTO hosts(id, machine, host_name, state, first_seen, connected, last_seen, acknowledged,
  clock_offset, health, coverage) SELECT id, substr(id, 1, 16), host_name, state, 0, last_seen,
  last_seen, acknowledged, clock_offset, health, coverage FROM hosts_3;
DROP TABLE hosts_3;
CREATE INDEX hosts_by_name ON hosts(host_name, machine);
CREATE INDEX hosts_by_machine ON hosts(machine, connected);
CREATE INDEX hosts_degraded ON hosts(machine) WHERE agent_degradations != x''
  OR collector_degradations != x'';
UPDATE hosts SET state = 2 WHERE state = 3 AND EXISTS (SELECT 1 FROM hosts n WHERE
  n.machine = hosts.machine AND n.connected > hosts.connected);
)sql";

// Lists are ordered by arrival (docs/decisions/0019). Existing rows are numbered in the order of
// their hosts' times; a time later than the host was last seen counts as that.
constexpr char kVersion4Arrival[] = R"sql(
INSERT INTO meta VALUES('arrival', 0);
ALTER TABLE sessions ADD COLUMN arrived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN heard INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hops ADD COLUMN arrived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE detections ADD COLUMN arrived INTEGER NOT NULL DEFAULT 0;
CREATE TABLE arrivals(id BLOB PRIMARY KEY, arrived INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO arrivals SELECT s.id, row_number() OVER (ORDER BY
  min(s.opened, coalesce(h.last_seen, s.opened)), s.opened, s.id)
  FROM sessions s LEFT JOIN hosts h ON h.id = s.host;
UPDATE sessions SET arrived = (SELECT a.arrived FROM arrivals a WHERE a.id = sessions.id),
  heard = max(opened, closed);
UPDATE sessions SET heard = min(heard, (SELECT h.last_seen FROM hosts h WHERE h.id = host))
  WHERE EXISTS (SELECT 1 FROM hosts h WHERE h.id = host);
DELETE FROM arrivals;
INSERT INTO arrivals SELECT p.id, row_number() OVER (ORDER BY
  min(p.time, coalesce(h.last_seen, p.time)), p.time, p.id)
  FROM hops p LEFT JOIN hosts h ON h.id = coalesce(p.server_host, p.client_host);
UPDATE hops SET arrived = (SELECT a.arrived FROM arrivals a WHERE a.id = hops.id);
DELETE FROM arrivals;
INSERT INTO arrivals SELECT d.id, row_number() OVER (ORDER BY
  min(d.time, coalesce(h.last_seen, d.time)), d.time, d.id)
  FROM detections d LEFT JOIN hosts h ON h.id = d.host;
UPDATE detections SET arrived = (SELECT a.arrived FROM arrivals a WHERE a.id = detections.id);
DROP TABLE arrivals;
UPDATE meta SET value = max((SELECT count(*) FROM sessions), (SELECT count(*) FROM hops),
  (SELECT count(*) FROM detections)) WHERE name = 'arrival';
CREATE INDEX sessions_by_arrival ON sessions(arrived, id);
CREATE INDEX hops_by_arrival ON hops(arrived, id);
CREATE INDEX detections_by_arrival ON detections(arrived, id);
DROP INDEX sessions_by_host;
DROP INDEX sessions_by_user;
DROP INDEX hops_by_client_host;
DROP INDEX hops_by_server_host;
CREATE INDEX sessions_by_host ON sessions(host, arrived);
CREATE INDEX sessions_by_user ON sessions(user, arrived);
CREATE INDEX hops_by_client_host ON hops(client_host, arrived);
CREATE INDEX hops_by_server_host ON hops(server_host, arrived);
)sql";

// The incarnation that a host's agent has confirmed last (docs/decisions/0017).
constexpr char kVersion5[] = R"sql(
ALTER TABLE hosts ADD COLUMN incarnation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hosts ADD COLUMN nonce BLOB NOT NULL DEFAULT x'';
)sql";

// Retention goes by the time of arrival, by the collector's clock (docs/decisions/0019). Existing
// rows are as old as their hosts say, but not younger than now.
constexpr char kVersion7[] = R"sql(
ALTER TABLE sessions ADD COLUMN arrival_time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hops ADD COLUMN arrival_time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE edges ADD COLUMN arrival_time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE login_attempts ADD COLUMN arrival_time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE losses ADD COLUMN arrival_time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE detections ADD COLUMN arrival_time INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET arrival_time = min(opened, unixepoch() * 1000000000);
UPDATE hops SET arrival_time = min(time, unixepoch() * 1000000000);
UPDATE edges SET arrival_time = min(minute, unixepoch() * 1000000000);
UPDATE login_attempts SET arrival_time = min(time, unixepoch() * 1000000000);
UPDATE losses SET arrival_time = min(until, unixepoch() * 1000000000);
UPDATE detections SET arrival_time = min(time, unixepoch() * 1000000000);
DROP INDEX sessions_by_time;
DROP INDEX hops_by_time;
DROP INDEX edges_by_time;
DROP INDEX login_attempts_by_time;
DROP INDEX losses_by_time;
DROP INDEX detections_by_time;
CREATE INDEX sessions_by_arrival_time ON sessions(arrival_time);
CREATE INDEX hops_by_arrival_time ON hops(arrival_time);
CREATE INDEX edges_by_arrival_time ON edges(arrival_time);
CREATE INDEX login_attempts_by_arrival_time ON login_attempts(arrival_time);
CREATE INDEX losses_by_arrival_time ON losses(arrival_time);
CREATE INDEX detections_by_arrival_time ON detections(arrival_time);
)sql";

// Every address that a boot has reported as its own (docs/decisions/0035). `first` and `last`: when
// it was reported first and last, by the collector's clock. MoveAddresses fills it for older files.
constexpr char kVersion8[] = R"sql(
CREATE TABLE host_addresses(
  address BLOB NOT NULL, host BLOB NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY(address, host)) WITHOUT ROWID;
CREATE INDEX host_addresses_by_last ON host_addresses(last);
)sql";

// Each entry brings a file from the version of its index to the next one.
constexpr const char* kSteps[][3] = {
    {kVersion1}, {kVersion2}, {kVersion3}, {kVersion4Pages, kVersion4Hosts, kVersion4Arrival},
    {kVersion5}, {},          {kVersion7}, {kVersion8}};  // {}: schema_blobs.cc
static_assert(std::size(kSteps) == kSchemaVersion);

}  // namespace

absl::Status Migrate(sqlite::Database* database, int to) {
  HT_ASSIGN_OR_RETURN(int64_t version, database->UserVersion());
  if (version > to) {
    return absl::FailedPreconditionError(
        absl::StrCat("the store's schema has version ", version, ", this program knows versions up",
                     " to ", to, ": a newer hoptrail-collector has written it"));
  }
  if (version == to) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database));
  for (; version < to; ++version) {
    for (const char* step : kSteps[version]) {
      if (step != nullptr) HT_RETURN_IF_ERROR(database->Execute(step));
    }
    if (version == 5) HT_RETURN_IF_ERROR(RewriteBlobs(database));
    if (version == 7) HT_RETURN_IF_ERROR(MoveAddresses(database));
  }
  HT_RETURN_IF_ERROR(database->SetUserVersion(to));
  return transaction.Commit();
}

}  // namespace hoptrail::collector::store
