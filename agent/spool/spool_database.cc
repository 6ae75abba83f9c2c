#include "agent/spool/spool_database.h"

#include <algorithm>
#include <utility>

#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/sqlite/set_aside.h"
#include "core/wire/graph.h"
#include "core/wire/sensor.h"

namespace hoptrail::agent::spool {
namespace {

constexpr int64_t kSchemaVersion = 1;
// `host` is "MACHINE.BOOT". A record's kind tells what was lost when it is dropped.
constexpr char kSchema[] = R"sql(
CREATE TABLE records (
  host TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  low_value INTEGER NOT NULL,
  kind TEXT NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (host, sequence)
) WITHOUT ROWID;
CREATE TABLE sessions (id BLOB PRIMARY KEY, host TEXT NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE members (
  tgid INTEGER NOT NULL,
  start_boot_ns INTEGER NOT NULL,
  host TEXT NOT NULL,
  session BLOB NOT NULL,
  PRIMARY KEY (tgid, start_boot_ns)
) WITHOUT ROWID;
CREATE TABLE hops (
  side INTEGER NOT NULL,
  name INTEGER NOT NULL,
  host TEXT NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (side, name)
) WITHOUT ROWID;
)sql";

// Records dropped at once when the bound is reached; a fraction of the smallest bound (1 MiB).
constexpr int kDropAtOnce = 256;

template <typename Tag>
absl::string_view Bytes(const model::Id128<Tag>& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

template <typename Message>
absl::StatusOr<Message> Parse(absl::string_view body) {
  Message message;
  if (message.ParseFromArray(body.data(), static_cast<int>(body.size()))) return message;
  return absl::DataLossError("a saved row does not parse");
}

}  // namespace

absl::StatusOr<SpoolDatabase> SpoolDatabase::Open(const std::string& path,
                                                  const model::HostId& host, uint64_t max_bytes,
                                                  const Clock& clock, std::string* set_aside) {
  SpoolDatabase spool;
  spool.max_bytes_ = max_bytes;
  spool.host_ = model::ToString(host);
  HT_ASSIGN_OR_RETURN(spool.database_, sqlite::OpenOrSetAside({.path = path, .durable = false},
                                                              "spool", clock.WallNs(), set_aside));
  HT_ASSIGN_OR_RETURN(const int64_t version, spool.database_.UserVersion());
  if (version > kSchemaVersion) {
    return absl::FailedPreconditionError(path + ": was written by a newer version of Hoptrail");
  }
  if (version == 0) {
    HT_ASSIGN_OR_RETURN(auto transaction, sqlite::Transaction::Begin(&spool.database_));
    HT_RETURN_IF_ERROR(spool.database_.Execute(kSchema));
    HT_RETURN_IF_ERROR(spool.database_.SetUserVersion(kSchemaVersion));
    HT_RETURN_IF_ERROR(transaction.Commit());
  }
  HT_RETURN_IF_ERROR(spool.Prepare());
  HT_ASSIGN_OR_RETURN(
      auto last,
      spool.database_.Prepare("SELECT COALESCE(MAX(sequence), 0) FROM records WHERE host=?"));
  last.BindText(1, spool.host_);
  HT_RETURN_IF_ERROR(last.Step().status());
  // Above every number of an earlier spool of this boot: docs/decisions/0001.
  spool.next_sequence_ = std::max<uint64_t>(last.Int(0) + 1, clock.BootNs() / 1000);
  HT_ASSIGN_OR_RETURN(auto count, spool.database_.Prepare("SELECT COUNT(*) FROM records"));
  HT_RETURN_IF_ERROR(count.Step().status());
  spool.spooled_ = count.Int(0);
  return spool;
}

absl::Status SpoolDatabase::Prepare() {
  const auto prepare = [this](absl::string_view sql, sqlite::Statement* out) -> absl::Status {
    HT_ASSIGN_OR_RETURN(*out, database_.Prepare(sql));
    return absl::OkStatus();
  };
  HT_RETURN_IF_ERROR(prepare("INSERT INTO records VALUES (?, ?, ?, ?, ?)", &insert_record_));
  HT_RETURN_IF_ERROR(prepare("DELETE FROM records WHERE host=? AND sequence<=?", &acknowledge_));
  HT_RETURN_IF_ERROR(prepare("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?)", &save_session_));
  HT_RETURN_IF_ERROR(prepare("DELETE FROM sessions WHERE id=?", &remove_session_));
  HT_RETURN_IF_ERROR(prepare("INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?)", &save_member_));
  HT_RETURN_IF_ERROR(
      prepare("DELETE FROM members WHERE tgid=? AND start_boot_ns=?", &remove_member_));
  HT_RETURN_IF_ERROR(prepare("INSERT OR REPLACE INTO hops VALUES (?, ?, ?, ?)", &save_hop_));
  return prepare("DELETE FROM hops WHERE side=? AND name=?", &remove_hop_);
}

absl::StatusOr<session::SavedState> SpoolDatabase::LoadState() {
  session::SavedState state;
  for (const char* table : {"sessions", "members", "hops"}) {
    HT_ASSIGN_OR_RETURN(auto other,
                        database_.Prepare(std::string("DELETE FROM ") + table + " WHERE host<>?"));
    HT_RETURN_IF_ERROR(other.BindText(1, host_).Run());
  }
  // A row that does not parse costs its session, not the start.
  const auto skip = [](absl::string_view what, const absl::Status& why) {
    LogWarning("spool", "left out a saved ", what, ": ", why.message());
  };
  HT_ASSIGN_OR_RETURN(auto sessions, database_.Prepare("SELECT body FROM sessions"));
  for (;;) {
    HT_ASSIGN_OR_RETURN(const bool more, sessions.Step());
    if (!more) break;
    const auto message = Parse<v1::Session>(sessions.Blob(0));
    const auto session = message.ok() ? wire::FromProto(*message) : message.status();
    if (session.ok()) {
      state.sessions.push_back(*session);
    } else {
      skip("session", session.status());
    }
  }
  HT_ASSIGN_OR_RETURN(auto members,
                      database_.Prepare("SELECT tgid, start_boot_ns, session FROM members"));
  for (;;) {
    HT_ASSIGN_OR_RETURN(const bool more, members.Step());
    if (!more) break;
    model::SessionId session;
    const absl::string_view bytes = members.Blob(2);
    if (bytes.size() != session.bytes.size()) continue;
    std::copy(bytes.begin(), bytes.end(), session.bytes.begin());
    state.members.push_back(
        {{static_cast<uint32_t>(members.Int(0)), static_cast<uint64_t>(members.Int(1))}, session});
  }
  HT_ASSIGN_OR_RETURN(auto hops, database_.Prepare("SELECT body FROM hops"));
  for (;;) {
    HT_ASSIGN_OR_RETURN(const bool more, hops.Step());
    if (!more) break;
    const auto message = Parse<v1::HopEnd>(hops.Blob(0));
    const auto hop = message.ok() ? wire::FromProto(*message) : message.status();
    if (hop.ok()) {
      state.open_hops.push_back(*hop);
    } else {
      skip("hop", hop.status());
    }
  }
  return state;
}

absl::StatusOr<SpoolDatabase::Committed> SpoolDatabase::Apply(const std::vector<Change>& changes) {
  const uint64_t next_before = next_sequence_;
  const uint64_t spooled_before = spooled_;
  Committed committed;
  const absl::Status status = [&]() -> absl::Status {
    HT_ASSIGN_OR_RETURN(auto transaction, sqlite::Transaction::Begin(&database_));
    for (const Change& change : changes) {
      HT_RETURN_IF_ERROR(std::visit([this](const auto& one) { return Do(one); }, change));
    }
    HT_RETURN_IF_ERROR(HoldBound(&committed));
    return transaction.Commit();
  }();
  if (!status.ok()) {
    next_sequence_ = next_before;
    spooled_ = spooled_before;
    return status;
  }
  committed.last_sequence = last_sequence();
  committed.spooled = spooled_;
  return committed;
}

void SpoolDatabase::MakeRoom() {
  // Best effort: the next Apply() tells whether it helped.
  database_.Execute("PRAGMA wal_checkpoint(TRUNCATE)").IgnoreError();
}

absl::Status SpoolDatabase::Do(const model::Fact& fact) {
  const uint64_t sequence = next_sequence_;
  insert_record_.Reset();
  insert_record_.BindText(1, host_)
      .BindInt(2, static_cast<int64_t>(sequence))
      .BindInt(3, IsLowValue(fact) ? 1 : 0)
      .BindText(4, KindOf(fact))
      .BindBlob(5, wire::ToRecord(sequence, fact).SerializeAsString());
  HT_RETURN_IF_ERROR(insert_record_.Run());
  ++next_sequence_;
  ++spooled_;
  return absl::OkStatus();
}

absl::Status SpoolDatabase::Do(const SaveSession& change) {
  save_session_.Reset();
  save_session_.BindBlob(1, Bytes(change.session.id)).BindText(2, host_);
  return save_session_.BindBlob(3, wire::ToProto(change.session).SerializeAsString()).Run();
}

absl::Status SpoolDatabase::Do(const RemoveSession& change) {
  remove_session_.Reset();
  return remove_session_.BindBlob(1, Bytes(change.session)).Run();
}

absl::Status SpoolDatabase::Do(const SaveMember& change) {
  save_member_.Reset();
  save_member_.BindInt(1, change.process.tgid)
      .BindInt(2, static_cast<int64_t>(change.process.start_boot_ns))
      .BindText(3, host_);
  return save_member_.BindBlob(4, Bytes(change.session)).Run();
}

absl::Status SpoolDatabase::Do(const RemoveMember& change) {
  remove_member_.Reset();
  return remove_member_.BindInt(1, change.process.tgid)
      .BindInt(2, static_cast<int64_t>(change.process.start_boot_ns))
      .Run();
}

absl::Status SpoolDatabase::Do(const SaveHop& change) {
  save_hop_.Reset();
  save_hop_.BindInt(1, static_cast<int>(change.hop.side))
      .BindInt(2, static_cast<int64_t>(change.hop.name.value()))
      .BindText(3, host_);
  return save_hop_.BindBlob(4, wire::ToProto(change.hop).SerializeAsString()).Run();
}

absl::Status SpoolDatabase::Do(const RemoveHop& change) {
  remove_hop_.Reset();
  return remove_hop_.BindInt(1, static_cast<int>(change.side))
      .BindInt(2, static_cast<int64_t>(change.name.value()))
      .Run();
}

absl::Status SpoolDatabase::Do(const Acknowledged& change) {
  acknowledge_.Reset();
  acknowledge_.BindText(1, model::ToString(change.host))
      .BindInt(2, static_cast<int64_t>(change.sequence));
  HT_RETURN_IF_ERROR(acknowledge_.Run());
  spooled_ -= std::min<uint64_t>(spooled_, database_.Changes());
  return absl::OkStatus();
}

absl::Status SpoolDatabase::HoldBound(Committed* committed) {
  HT_ASSIGN_OR_RETURN(int64_t used, database_.UsedBytes());
  if (static_cast<uint64_t>(used) <= max_bytes_) return absl::OkStatus();
  // Some room below the bound, so that this is not done again for each record.
  const int64_t target = static_cast<int64_t>(max_bytes_ / 10 * 9);
  for (const bool low_value : {true, false}) {
    while (used > target) {
      HT_ASSIGN_OR_RETURN(const uint64_t dropped, DropOldest(low_value, committed));
      if (dropped == 0) break;
      HT_ASSIGN_OR_RETURN(used, database_.UsedBytes());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> SpoolDatabase::DropOldest(bool low_value, Committed* committed) {
  // Another boot's records are older than this one's, whatever their numbers.
  HT_ASSIGN_OR_RETURN(
      auto select, database_.Prepare("SELECT host, sequence, kind FROM records WHERE low_value=?1 "
                                     "ORDER BY host=?2, sequence LIMIT ?3"));
  select.BindInt(1, low_value ? 1 : 0).BindText(2, host_).BindInt(3, kDropAtOnce);
  std::vector<std::pair<std::string, int64_t>> names;
  for (;;) {
    HT_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) break;
    names.emplace_back(std::string(select.Text(0)), select.Int(1));
    ++committed->dropped[std::string(select.Text(2))];
  }
  HT_ASSIGN_OR_RETURN(auto remove,
                      database_.Prepare("DELETE FROM records WHERE host=? AND sequence=?"));
  for (const auto& [host, sequence] : names) {
    remove.Reset();
    HT_RETURN_IF_ERROR(remove.BindText(1, host).BindInt(2, sequence).Run());
  }
  spooled_ -= std::min<uint64_t>(spooled_, names.size());
  return names.size();
}

}  // namespace hoptrail::agent::spool
