#include "collector/store/sqlite/fact_writer.h"

#include "absl/strings/string_view.h"

#include "collector/store/sqlite/address_search.h"
#include "collector/store/sqlite/blobs.h"
#include "collector/store/sqlite/prepare.h"
#include "collector/store/sqlite/report_codec.h"
#include "collector/store/sqlite/session_codec.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::store {
namespace {

using sqlite::Statement;

// A host that is not listed is kept only for its sessions. ?11: whether it is listed.
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
constexpr char kAddress[] =
    "INSERT INTO host_addresses(address, host, first, last) VALUES(?1, ?2, ?3, ?3)"
    " ON CONFLICT(address, host) DO UPDATE SET last = max(last, ?3)";
constexpr char kSession[] =
    "INSERT INTO sessions(id, host, kind, logged_in, user, opened, closed, caused_by, data,"
    " arrived, heard, arrival_time) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)"
    " ON CONFLICT(id)"
    " DO UPDATE SET host = ?2, kind = ?3, logged_in = ?4, user = ?5, opened = ?6, closed = ?7,"
    " caused_by = ?8, data = ?9, heard = ?11";
constexpr char kHop[] =
    "INSERT INTO hops(id, client_host, server_host, client_session, server_session, proof, time,"
    " data, arrived, arrival_time) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT(id)"
    " DO UPDATE SET"
    " client_host = ?2, server_host = ?3, client_session = ?4, server_session = ?5, proof = ?6,"
    " time = ?7, data = ?8";
constexpr char kEdge[] =
    "INSERT INTO edges(host, side, program, uid, peer, port, minute, connections, failures, sent,"
    " received, protocol, arrival_time) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
    " ?13) ON CONFLICT DO UPDATE SET"
    " connections = connections + ?8, failures = failures + ?9, sent = sent + ?10,"
    " received = received + ?11";
constexpr char kDeleteHop[] = "DELETE FROM hops WHERE id = ?1";
constexpr char kLoginAttempt[] =
    "INSERT INTO login_attempts(host, session, time, data, arrival_time) VALUES(?1, ?2, ?3, ?4, "
    "?5)";
constexpr char kTrimLoginAttempts[] =
    "DELETE FROM login_attempts WHERE id <= (SELECT max(id) FROM login_attempts) - ?1";
constexpr char kLoss[] =
    "INSERT INTO losses(host, until, data, arrival_time) VALUES(?1, ?2, ?3, ?4)";

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

absl::StatusOr<std::unique_ptr<FactWriter>> FactWriter::Create(sqlite::Database* database,
                                                               RowNumbers* numbers,
                                                               int64_t max_login_attempts) {
  std::unique_ptr<FactWriter> writer(new FactWriter(numbers, max_login_attempts));
  HT_RETURN_IF_ERROR(PrepareAll(database, {{&writer->host_, kHost},
                                           {&writer->address_, kAddress},
                                           {&writer->session_, kSession},
                                           {&writer->delete_hop_, kDeleteHop},
                                           {&writer->hop_, kHop},
                                           {&writer->edge_, kEdge},
                                           {&writer->login_attempt_, kLoginAttempt},
                                           {&writer->trim_login_attempts_, kTrimLoginAttempts},
                                           {&writer->loss_, kLoss}}));
  return writer;
}

absl::Status FactWriter::Write(const WriteBatch& batch, int64_t now_wall_ns) {
  for (const auto& [host, change] : batch.hosts) {
    HT_RETURN_IF_ERROR(WriteHost(host, change));
    HT_RETURN_IF_ERROR(WriteAddresses(host, change, now_wall_ns));
  }
  for (const auto* session :
       InArrivalOrder(batch.sessions, [](const auto& s) { return s.opened_wall_ns; })) {
    HT_RETURN_IF_ERROR(WriteSession(*session, now_wall_ns));
  }
  for (const auto& id : batch.removed_hops) {
    HT_RETURN_IF_ERROR(delete_hop_.BindBlob(1, Blob(id)).Run());
  }
  for (const auto* hop : InArrivalOrder(batch.hops, TimeOf)) {
    HT_RETURN_IF_ERROR(WriteHop(*hop, now_wall_ns));
  }
  for (const auto& edge : batch.edges) HT_RETURN_IF_ERROR(WriteEdge(edge, now_wall_ns));
  return WriteAppended(batch, now_wall_ns);
}

absl::Status FactWriter::WriteHost(const model::HostId& host, const HostChange& change) {
  Statement& s = host_;
  // A parameter that is not bound is NULL and leaves its column as it was.
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

absl::Status FactWriter::WriteAddresses(const model::HostId& host, const HostChange& change,
                                        int64_t now_wall_ns) {
  if (!change.health) return absl::OkStatus();
  size_t room = kMaxAddressesOfHost;
  for (const model::IpAddress& address : change.health->addresses) {
    if (room-- == 0) break;
    Statement& s = address_;
    s.BindBlob(1, Blob(address)).BindBlob(2, Blob(host)).BindInt(3, now_wall_ns);
    HT_RETURN_IF_ERROR(s.Run());
  }
  return absl::OkStatus();
}

absl::Status FactWriter::WriteSession(const model::Session& session, int64_t now_wall_ns) {
  Statement& s = session_;
  s.BindBlob(1, Blob(session.id)).BindBlob(2, Blob(session.host));
  s.BindInt(3, static_cast<int64_t>(session.kind)).BindInt(4, session.logged_in);
  s.BindText(5, session.user).BindInt(6, session.opened_wall_ns);
  s.BindInt(7, session.closed_wall_ns);
  BindOrNull(&s, 8, session.caused_by.empty() ? "" : Blob(session.caused_by));
  s.BindBlob(9, Encode(session)).BindInt(10, ++numbers_->arrival);
  return s.BindInt(11, now_wall_ns).Run();
}

absl::Status FactWriter::WriteHop(const StoredHop& stored, int64_t now_wall_ns) {
  const model::Hop& hop = stored.hop;
  Statement& s = hop_;
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
  s.BindBlob(8, Encode(hop)).BindInt(9, ++numbers_->arrival);
  return s.BindInt(10, now_wall_ns).Run();
}

absl::Status FactWriter::WriteEdge(const model::EdgeCount& edge, int64_t now_wall_ns) {
  Statement& s = edge_;
  s.BindBlob(1, Blob(edge.host)).BindInt(2, static_cast<int64_t>(edge.side));
  s.BindText(3, edge.program).BindInt(4, edge.uid).BindBlob(5, Blob(edge.peer));
  s.BindInt(6, edge.server_port).BindInt(7, edge.minute_wall_ns).BindInt(8, edge.connections);
  s.BindInt(9, edge.failures).BindInt(10, static_cast<int64_t>(edge.bytes_sent));
  s.BindInt(11, static_cast<int64_t>(edge.bytes_received));
  return s.BindInt(12, edge.protocol).BindInt(13, now_wall_ns).Run();
}

absl::Status FactWriter::WriteAppended(const WriteBatch& batch, int64_t now_wall_ns) {
  for (const model::LoginAttempt& attempt : batch.login_attempts) {
    Statement& s = login_attempt_;
    s.BindBlob(1, Blob(attempt.host)).BindBlob(2, Blob(attempt.session));
    s.BindInt(3, attempt.wall_ns).BindBlob(4, Encode(attempt));
    HT_RETURN_IF_ERROR(s.BindInt(5, now_wall_ns).Run());
  }
  if (!batch.login_attempts.empty()) {
    Statement& trim = trim_login_attempts_;
    HT_RETURN_IF_ERROR(trim.BindInt(1, max_login_attempts_).Run());
  }
  for (const model::Loss& loss : batch.losses) {
    Statement& s = loss_;
    s.BindBlob(1, Blob(loss.host)).BindInt(2, loss.until_wall_ns);
    HT_RETURN_IF_ERROR(s.BindBlob(3, Encode(loss)).BindInt(4, now_wall_ns).Run());
  }
  return absl::OkStatus();
}

}  // namespace hoptrail::collector::store
