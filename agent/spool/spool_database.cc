#include "agent/spool/spool_database.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/sqlite/quarantine.h"
#include "core/wire/graph.h"

namespace hoptrail::agent::spool {
namespace {

constexpr int64_t kSchemaVersion = 1;
// `host` is "MACHINE.BOOT". A record's kind names it in the loss report when it is dropped. A hop's
// `name` is its hop key (HopKey::value()).
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

template <typename Message>
absl::StatusOr<Message> Parse(absl::string_view body) {
  Message message;
  if (message.ParseFromArray(body.data(), static_cast<int>(body.size()))) return message;
  return absl::DataLossError("a saved row does not parse");
}

}  // namespace

absl::StatusOr<SpoolDatabase> SpoolDatabase::Create(sqlite::Database database, Access access,
                                                    const Options& options) {
  SpoolDatabase spool;
  spool.access_ = access;
  spool.host_ = model::ToString(options.host);
  spool.database_ = std::make_unique<sqlite::Database>(std::move(database));
  HT_ASSIGN_OR_RETURN(spool.writer_,
                      ChangeWriter::Create(spool.database_.get(), spool.host_, options.max_bytes));
  return spool;
}

absl::StatusOr<SpoolDatabase> SpoolDatabase::Open(const Options& options,
                                                  std::string* quarantined) {
  HT_ASSIGN_OR_RETURN(sqlite::Database database,
                      sqlite::OpenOrQuarantine({.path = options.path, .durable = false}, "spool",
                                               options.clock->WallNs(), quarantined));
  HT_ASSIGN_OR_RETURN(const int64_t version, database.UserVersion());
  if (version > kSchemaVersion) {
    return absl::UnimplementedError(
        absl::StrCat(options.path, ": was written by a newer version of Hoptrail"));
  }
  if (version == 0) {
    HT_ASSIGN_OR_RETURN(auto transaction, sqlite::Transaction::Begin(&database));
    HT_RETURN_IF_ERROR(database.Execute(kSchema));
    HT_RETURN_IF_ERROR(database.SetUserVersion(kSchemaVersion));
    HT_RETURN_IF_ERROR(transaction.Commit());
  }
  HT_RETURN_IF_ERROR(database.Execute(kFileWritersTable));
  return Create(std::move(database), Access::kWrite, options);
}

absl::StatusOr<SpoolDatabase> SpoolDatabase::OpenToRead(const Options& options) {
  absl::Status status;
  for (const Access access : {Access::kRead, Access::kReadImmutable}) {
    absl::StatusOr<sqlite::Database> database =
        sqlite::Database::Open({.path = options.path,
                                .read_only = true,
                                .immutable = access == Access::kReadImmutable,
                                .check_integrity = true});
    status = database.status();
    if (!status.ok()) continue;
    absl::StatusOr<SpoolDatabase> spool = Create(*std::move(database), access, options);
    if (spool.ok()) return spool;
    status = spool.status();
  }
  return status;
}

absl::StatusOr<session::SavedState> SpoolDatabase::LoadState() {
  session::SavedState state;
  for (const char* table : kStateTables) {
    if (access_ != Access::kWrite) break;
    HT_ASSIGN_OR_RETURN(auto other,
                        database_->Prepare(std::string("DELETE FROM ") + table + " WHERE host<>?"));
    HT_RETURN_IF_ERROR(other.BindText(1, host_).Run());
  }
  // A row that does not parse costs its session, not the start.
  const auto skip = [](absl::string_view what, const absl::Status& why) {
    LogWarning("spool", "skipped a saved ", what, ": ", why.message());
  };
  HT_ASSIGN_OR_RETURN(auto sessions, database_->Prepare("SELECT body FROM sessions WHERE host=?"));
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
      database_->Prepare("SELECT tgid, start_boot_ns, session FROM members WHERE host=?"));
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
  HT_ASSIGN_OR_RETURN(auto hops, database_->Prepare("SELECT body FROM hops WHERE host=?"));
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
  HT_RETURN_IF_ERROR(LoadFileWriters(&state.file_writers));
  return state;
}

// The writers of every boot. None in a file of an older version that is opened to read.
absl::Status SpoolDatabase::LoadFileWriters(std::vector<session::FileWriter>* writers) {
  auto rows = database_->Prepare(
      "SELECT path, session, device, inode, owner, user, origin, written_wall_ns FROM "
      "file_writers");
  if (!rows.ok()) return absl::OkStatus();
  for (;;) {
    HT_ASSIGN_OR_RETURN(const bool more, rows->Step());
    if (!more) return absl::OkStatus();
    session::FileWriter writer;
    const absl::string_view bytes = rows->Blob(1);
    if (bytes.size() != writer.session.bytes.size()) continue;
    std::copy(bytes.begin(), bytes.end(), writer.session.bytes.begin());
    writer.path = std::string(rows->Text(0));
    writer.device = static_cast<uint64_t>(rows->Int(2));
    writer.inode = static_cast<uint64_t>(rows->Int(3));
    writer.owner = static_cast<uint32_t>(rows->Int(4));
    writer.user = std::string(rows->Text(5));
    writer.origin = std::string(rows->Text(6));
    writer.written_wall_ns = rows->Int(7);
    writers->push_back(std::move(writer));
  }
}

absl::StatusOr<std::vector<StoredRecord>> SpoolDatabase::Records(uint64_t after, size_t max_records,
                                                                 size_t max_bytes) {
  HT_ASSIGN_OR_RETURN(auto select,
                      database_->Prepare("SELECT sequence, low_value, kind, body FROM records "
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

absl::StatusOr<std::map<std::string, uint64_t>> SpoolDatabase::Count(const model::HostId& host,
                                                                     uint64_t after,
                                                                     uint64_t last) {
  std::map<std::string, uint64_t> counts;
  HT_ASSIGN_OR_RETURN(auto count,
                      database_->Prepare("SELECT kind, COUNT(*) FROM records WHERE host=? AND "
                                         "sequence>? AND sequence<=? GROUP BY kind"));
  count.BindText(1, model::ToString(host))
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
    bool may_lack = false;  // a file of an older version has no such table
  };
  constexpr Table kTables[] = {
      {"SELECT * FROM records", "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)", 5},
      {"SELECT * FROM sessions", "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?)", 3},
      {"SELECT * FROM members", "INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?)", 4},
      {"SELECT * FROM hops", "INSERT OR REPLACE INTO hops VALUES (?, ?, ?, ?)", 4},
      {"SELECT * FROM file_writers",
       "INSERT OR REPLACE INTO file_writers VALUES (?, ?, ?, ?, ?, ?, ?, ?)", 8, true}};
  HT_ASSIGN_OR_RETURN(auto transaction, sqlite::Transaction::Begin(database_.get()));
  for (const Table& table : kTables) {
    auto prepared = other->database_->Prepare(table.select);
    if (!prepared.ok() && table.may_lack) continue;
    HT_ASSIGN_OR_RETURN(auto from, std::move(prepared));
    HT_ASSIGN_OR_RETURN(auto to, database_->Prepare(table.insert));
    for (;;) {
      HT_ASSIGN_OR_RETURN(const bool more, from.Step());
      if (!more) break;
      for (int i = 0; i < table.columns; ++i) to.BindColumn(i + 1, from, i);
      HT_RETURN_IF_ERROR(to.Run());
    }
  }
  HT_RETURN_IF_ERROR(transaction.Commit());
  return writer_.CountAll();
}

void SpoolDatabase::MakeRoom() {
  // A failure shows in the next Apply().
  database_->Execute("PRAGMA wal_checkpoint(RESTART)").IgnoreError();
}

}  // namespace hoptrail::agent::spool
