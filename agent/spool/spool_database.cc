#include "agent/spool/spool_database.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

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

constexpr const char* kStateTables[] = {"sessions", "members", "hops"};

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

absl::StatusOr<SpoolDatabase> SpoolDatabase::Open(const Options& options, std::string* set_aside) {
  SpoolDatabase spool;
  spool.access_ = Access::kWrite;
  spool.max_bytes_ = options.max_bytes;
  spool.host_ = model::ToString(options.host);
  HT_ASSIGN_OR_RETURN(spool.database_,
                      sqlite::OpenOrSetAside({.path = options.path, .durable = false}, "spool",
                                             options.clock->WallNs(), set_aside));
  HT_ASSIGN_OR_RETURN(const int64_t version, spool.database_.UserVersion());
  if (version > kSchemaVersion) {
    return absl::UnimplementedError(
        absl::StrCat(options.path, ": was written by a newer version of Hoptrail"));
  }
  if (version == 0) {
    HT_ASSIGN_OR_RETURN(auto transaction, sqlite::Transaction::Begin(&spool.database_));
    HT_RETURN_IF_ERROR(spool.database_.Execute(kSchema));
    HT_RETURN_IF_ERROR(spool.database_.SetUserVersion(kSchemaVersion));
    HT_RETURN_IF_ERROR(transaction.Commit());
  }
  HT_RETURN_IF_ERROR(spool.Prepare());
  HT_RETURN_IF_ERROR(spool.CountAll());
  return spool;
}

absl::StatusOr<SpoolDatabase> SpoolDatabase::OpenToRead(const Options& options) {
  absl::Status status;
  for (const Access access : {Access::kRead, Access::kReadImmutable}) {
    SpoolDatabase spool;
    spool.access_ = access;
    spool.max_bytes_ = options.max_bytes;
    spool.host_ = model::ToString(options.host);
    status = [&]() -> absl::Status {
      HT_ASSIGN_OR_RETURN(spool.database_,
                          sqlite::Database::Open({.path = options.path,
                                                  .read_only = true,
                                                  .immutable = access == Access::kReadImmutable,
                                                  .check_integrity = true}));
      HT_RETURN_IF_ERROR(spool.Prepare());
      return spool.CountAll();
    }();
    if (status.ok()) return spool;
  }
  return status;
}

absl::Status SpoolDatabase::CountAll() {
  HT_ASSIGN_OR_RETURN(
      auto last, database_.Prepare("SELECT COALESCE(MAX(sequence), 0) FROM records WHERE host=?"));
  last.BindText(1, host_);
  HT_RETURN_IF_ERROR(last.Step().status());
  last_sequence_ = static_cast<uint64_t>(last.Int(0));
  HT_ASSIGN_OR_RETURN(auto count, database_.Prepare("SELECT COUNT(*) FROM records"));
  HT_RETURN_IF_ERROR(count.Step().status());
  spooled_ = static_cast<uint64_t>(count.Int(0));
  return absl::OkStatus();
}

absl::Status SpoolDatabase::Prepare() {
  const auto prepare = [this](absl::string_view sql, sqlite::Statement* out) -> absl::Status {
    HT_ASSIGN_OR_RETURN(*out, database_.Prepare(sql));
    return absl::OkStatus();
  };
  HT_RETURN_IF_ERROR(
      prepare("INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?, ?)", &insert_record_));
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
  for (const char* table : kStateTables) {
    if (access_ != Access::kWrite) break;
    HT_ASSIGN_OR_RETURN(auto other,
                        database_.Prepare(std::string("DELETE FROM ") + table + " WHERE host<>?"));
    HT_RETURN_IF_ERROR(other.BindText(1, host_).Run());
  }
  // A row that does not parse costs its session, not the start.
  const auto skip = [](absl::string_view what, const absl::Status& why) {
    LogWarning("spool", "left out a saved ", what, ": ", why.message());
  };
  HT_ASSIGN_OR_RETURN(auto sessions, database_.Prepare("SELECT body FROM sessions WHERE host=?"));
  sessions.BindText(1, host_);
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
  HT_ASSIGN_OR_RETURN(
      auto members,
      database_.Prepare("SELECT tgid, start_boot_ns, session FROM members WHERE host=?"));
  members.BindText(1, host_);
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
  HT_ASSIGN_OR_RETURN(auto hops, database_.Prepare("SELECT body FROM hops WHERE host=?"));
  hops.BindText(1, host_);
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

absl::StatusOr<SpoolDatabase::Committed> SpoolDatabase::Commit(
    absl::FunctionRef<absl::Status()> change) {
  const uint64_t last_before = last_sequence_;
  const uint64_t spooled_before = spooled_;
  Committed committed;
  const absl::Status status = [&]() -> absl::Status {
    HT_ASSIGN_OR_RETURN(auto transaction, sqlite::Transaction::Begin(&database_));
    HT_RETURN_IF_ERROR(change());
    HT_RETURN_IF_ERROR(HoldBound(&committed));
    return transaction.Commit();
  }();
  if (!status.ok()) {
    last_sequence_ = last_before;
    spooled_ = spooled_before;
    return status;
  }
  return committed;
}

absl::StatusOr<SpoolDatabase::Committed> SpoolDatabase::Apply(const std::vector<Change>& changes,
                                                              uint64_t next_sequence) {
  return Commit([&]() -> absl::Status {
    last_sequence_ = next_sequence - 1;
    for (const Change& change : changes) {
      HT_RETURN_IF_ERROR(std::visit([this](const auto& one) { return Do(one); }, change));
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<SpoolDatabase::Committed> SpoolDatabase::Insert(
    const std::vector<StoredRecord>& records) {
  return Commit([&]() -> absl::Status {
    for (const StoredRecord& record : records) HT_RETURN_IF_ERROR(InsertRow(record));
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<StoredRecord>> SpoolDatabase::Records(uint64_t after, size_t max_records,
                                                                 size_t max_bytes) {
  HT_ASSIGN_OR_RETURN(auto select,
                      database_.Prepare("SELECT sequence, low_value, kind, body FROM records "
                                        "WHERE host=? AND sequence>? ORDER BY sequence LIMIT ?"));
  select.BindText(1, host_)
      .BindInt(2, static_cast<int64_t>(after))
      .BindInt(3, static_cast<int64_t>(max_records));
  std::vector<StoredRecord> records;
  size_t bytes = 0;
  for (;;) {
    HT_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return records;
    bytes += select.Blob(3).size();
    if (bytes > max_bytes) return records;
    records.push_back({static_cast<uint64_t>(select.Int(0)), select.Int(1) != 0,
                       std::string(select.Text(2)), std::string(select.Blob(3))});
  }
}

absl::StatusOr<std::map<std::string, uint64_t>> SpoolDatabase::Count(uint64_t after,
                                                                     uint64_t last) {
  std::map<std::string, uint64_t> counts;
  HT_ASSIGN_OR_RETURN(auto count,
                      database_.Prepare("SELECT kind, COUNT(*) FROM records WHERE host=? AND "
                                        "sequence>? AND sequence<=? GROUP BY kind"));
  count.BindText(1, host_)
      .BindInt(2, static_cast<int64_t>(after))
      .BindInt(3, static_cast<int64_t>(last));
  for (;;) {
    HT_ASSIGN_OR_RETURN(const bool more, count.Step());
    if (!more) return counts;
    counts[std::string(count.Text(0))] = static_cast<uint64_t>(count.Int(1));
  }
}

absl::Status SpoolDatabase::CopyFrom(SpoolDatabase* other) {
  struct Table {
    const char* select;
    const char* insert;
    int columns;
  };
  constexpr Table kTables[] = {
      {"SELECT * FROM records", "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)", 5},
      {"SELECT * FROM sessions", "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?)", 3},
      {"SELECT * FROM members", "INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?)", 4},
      {"SELECT * FROM hops", "INSERT OR REPLACE INTO hops VALUES (?, ?, ?, ?)", 4}};
  HT_ASSIGN_OR_RETURN(auto transaction, sqlite::Transaction::Begin(&database_));
  for (const Table& table : kTables) {
    HT_ASSIGN_OR_RETURN(auto from, other->database_.Prepare(table.select));
    HT_ASSIGN_OR_RETURN(auto to, database_.Prepare(table.insert));
    for (;;) {
      HT_ASSIGN_OR_RETURN(const bool more, from.Step());
      if (!more) break;
      for (int i = 0; i < table.columns; ++i) to.BindColumn(i + 1, from, i);
      HT_RETURN_IF_ERROR(to.Run());
    }
  }
  HT_RETURN_IF_ERROR(transaction.Commit());
  return CountAll();
}

void SpoolDatabase::MakeRoom() {
  // Best effort: the next Apply() shows whether it helped.
  database_.Execute("PRAGMA wal_checkpoint(RESTART)").IgnoreError();
}

absl::Status SpoolDatabase::InsertRow(const StoredRecord& record) {
  insert_record_.Reset();
  insert_record_.BindText(1, host_)
      .BindInt(2, static_cast<int64_t>(record.sequence))
      .BindInt(3, record.low_value ? 1 : 0)
      .BindText(4, record.kind)
      .BindBlob(5, record.body);
  HT_RETURN_IF_ERROR(insert_record_.Run());
  last_sequence_ = std::max(last_sequence_, record.sequence);
  spooled_ += static_cast<uint64_t>(database_.Changes());
  return absl::OkStatus();
}

absl::Status SpoolDatabase::Do(const model::Fact& fact) {
  return InsertRow(Store(fact, last_sequence_ + 1));
}

absl::Status SpoolDatabase::Do(const ForgetState&) {
  for (const char* table : kStateTables) {
    HT_RETURN_IF_ERROR(database_.Execute(absl::StrCat("DELETE FROM ", table)));
  }
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
  committed->used_bytes = static_cast<uint64_t>(used);
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
