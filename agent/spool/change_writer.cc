#include "agent/spool/change_writer.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "core/base/status_macros.h"
#include "core/wire/graph.h"

namespace hoptrail::agent::spool {
namespace {

// Records dropped at once when the bound is reached; a fraction of the smallest bound (1 MiB).
constexpr int kDropAtOnce = 256;

template <typename Tag>
absl::string_view Bytes(const model::Id128<Tag>& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

}  // namespace

absl::StatusOr<ChangeWriter> ChangeWriter::Create(sqlite::Database* database,
                                                  const std::string& host, uint64_t max_bytes) {
  ChangeWriter writer;
  writer.database_ = database;
  writer.host_ = host;
  writer.max_bytes_ = max_bytes;
  HT_RETURN_IF_ERROR(writer.Prepare());
  HT_RETURN_IF_ERROR(writer.CountAll());
  return writer;
}

absl::Status ChangeWriter::Prepare() {
  const auto prepare = [this](absl::string_view sql, sqlite::Statement* out) -> absl::Status {
    HT_ASSIGN_OR_RETURN(*out, database_->Prepare(sql));
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

absl::Status ChangeWriter::CountAll() {
  HT_ASSIGN_OR_RETURN(
      auto last, database_->Prepare("SELECT COALESCE(MAX(sequence), 0) FROM records WHERE host=?"));
  last.BindText(1, host_);
  HT_RETURN_IF_ERROR(last.Step().status());
  last_sequence_ = static_cast<uint64_t>(last.Int(0));
  HT_ASSIGN_OR_RETURN(auto count, database_->Prepare("SELECT COUNT(*) FROM records"));
  HT_RETURN_IF_ERROR(count.Step().status());
  spooled_ = static_cast<uint64_t>(count.Int(0));
  return absl::OkStatus();
}

absl::StatusOr<ChangeWriter::Committed> ChangeWriter::Commit(
    absl::FunctionRef<absl::Status()> change) {
  const uint64_t last_before = last_sequence_;
  const uint64_t spooled_before = spooled_;
  Committed committed;
  const absl::Status status = [&]() -> absl::Status {
    HT_ASSIGN_OR_RETURN(auto transaction, sqlite::Transaction::Begin(database_));
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

absl::StatusOr<ChangeWriter::Committed> ChangeWriter::Apply(const std::vector<Change>& changes,
                                                            uint64_t next_sequence) {
  return Commit([&]() -> absl::Status {
    last_sequence_ = next_sequence - 1;
    for (const Change& change : changes) {
      HT_RETURN_IF_ERROR(std::visit([this](const auto& one) { return Write(one); }, change));
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<ChangeWriter::Committed> ChangeWriter::Insert(
    const std::vector<StoredRecord>& records) {
  return Commit([&]() -> absl::Status {
    for (const StoredRecord& record : records) HT_RETURN_IF_ERROR(InsertRow(record));
    return absl::OkStatus();
  });
}

absl::Status ChangeWriter::InsertRow(const StoredRecord& record) {
  insert_record_.Reset();
  insert_record_.BindText(1, host_)
      .BindInt(2, static_cast<int64_t>(record.sequence))
      .BindInt(3, record.low_value ? 1 : 0)
      .BindText(4, record.kind)
      .BindBlob(5, record.body);
  HT_RETURN_IF_ERROR(insert_record_.Run());
  last_sequence_ = std::max(last_sequence_, record.sequence);
  spooled_ += static_cast<uint64_t>(database_->Changes());
  return absl::OkStatus();
}

absl::Status ChangeWriter::Write(const model::Fact& fact) {
  return InsertRow(Store(fact, last_sequence_ + 1));
}

absl::Status ChangeWriter::Write(const ForgetState&) {
  for (const char* table : kStateTables) {
    HT_RETURN_IF_ERROR(database_->Execute(absl::StrCat("DELETE FROM ", table)));
  }
  return absl::OkStatus();
}

absl::Status ChangeWriter::Write(const SaveSession& change) {
  save_session_.Reset();
  save_session_.BindBlob(1, Bytes(change.session.id)).BindText(2, host_);
  return save_session_.BindBlob(3, wire::ToProto(change.session).SerializeAsString()).Run();
}

absl::Status ChangeWriter::Write(const RemoveSession& change) {
  remove_session_.Reset();
  return remove_session_.BindBlob(1, Bytes(change.session)).Run();
}

absl::Status ChangeWriter::Write(const SaveMember& change) {
  save_member_.Reset();
  save_member_.BindInt(1, change.process.tgid)
      .BindInt(2, static_cast<int64_t>(change.process.start_boot_ns))
      .BindText(3, host_);
  return save_member_.BindBlob(4, Bytes(change.session)).Run();
}

absl::Status ChangeWriter::Write(const RemoveMember& change) {
  remove_member_.Reset();
  return remove_member_.BindInt(1, change.process.tgid)
      .BindInt(2, static_cast<int64_t>(change.process.start_boot_ns))
      .Run();
}

absl::Status ChangeWriter::Write(const SaveHop& change) {
  save_hop_.Reset();
  save_hop_.BindInt(1, static_cast<int>(change.hop.side))
      .BindInt(2, static_cast<int64_t>(change.hop.hop_key.value()))
      .BindText(3, host_);
  return save_hop_.BindBlob(4, wire::ToProto(change.hop).SerializeAsString()).Run();
}

absl::Status ChangeWriter::Write(const RemoveHop& change) {
  remove_hop_.Reset();
  return remove_hop_.BindInt(1, static_cast<int>(change.side))
      .BindInt(2, static_cast<int64_t>(change.hop_key.value()))
      .Run();
}

// Rare, so these two are not prepared ahead: a file of an older version has no such table.
absl::Status ChangeWriter::Write(const SaveFileWriter& change) {
  const session::FileWriter& writer = change.writer;
  HT_ASSIGN_OR_RETURN(
      auto save,
      database_->Prepare("INSERT OR REPLACE INTO file_writers VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
  save.BindText(1, writer.path)
      .BindBlob(2, Bytes(writer.session))
      .BindInt(3, static_cast<int64_t>(writer.device))
      .BindInt(4, static_cast<int64_t>(writer.inode))
      .BindInt(5, writer.owner)
      .BindText(6, writer.user)
      .BindText(7, writer.origin)
      .BindInt(8, writer.written_wall_ns);
  return save.Run();
}

absl::Status ChangeWriter::Write(const RemoveFileWriter& change) {
  HT_ASSIGN_OR_RETURN(auto remove,
                      database_->Prepare("DELETE FROM file_writers WHERE path=? AND session=?"));
  return remove.BindText(1, change.path).BindBlob(2, Bytes(change.session)).Run();
}

absl::Status ChangeWriter::Write(const Acknowledged& change) {
  acknowledge_.Reset();
  acknowledge_.BindText(1, model::ToString(change.host))
      .BindInt(2, static_cast<int64_t>(change.sequence));
  HT_RETURN_IF_ERROR(acknowledge_.Run());
  spooled_ -= std::min<uint64_t>(spooled_, database_->Changes());
  return absl::OkStatus();
}

absl::Status ChangeWriter::HoldBound(Committed* committed) {
  HT_ASSIGN_OR_RETURN(int64_t used, database_->UsedBytes());
  committed->used_bytes = static_cast<uint64_t>(used);
  if (static_cast<uint64_t>(used) <= max_bytes_) return absl::OkStatus();
  // Some room below the bound, so that this is not done again for each record.
  const int64_t target = static_cast<int64_t>(max_bytes_ / 10 * 9);
  for (const bool low_value : {true, false}) {
    while (used > target) {
      HT_ASSIGN_OR_RETURN(const uint64_t dropped, DropOldest(low_value, committed));
      if (dropped == 0) break;
      HT_ASSIGN_OR_RETURN(used, database_->UsedBytes());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> ChangeWriter::DropOldest(bool low_value, Committed* committed) {
  // Another boot's records are older than this one's, whatever their numbers.
  HT_ASSIGN_OR_RETURN(
      auto select, database_->Prepare("SELECT host, sequence, kind FROM records WHERE low_value=?1 "
                                      "ORDER BY host=?2, sequence LIMIT ?3"));
  select.BindInt(1, low_value ? 1 : 0).BindText(2, host_).BindInt(3, kDropAtOnce);
  std::vector<std::pair<std::string, int64_t>> rows;
  for (;;) {
    HT_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) break;
    rows.emplace_back(std::string(select.Text(0)), select.Int(1));
    ++committed->dropped[std::string(select.Text(2))];
  }
  HT_ASSIGN_OR_RETURN(auto remove,
                      database_->Prepare("DELETE FROM records WHERE host=? AND sequence=?"));
  for (const auto& [host, sequence] : rows) {
    remove.Reset();
    HT_RETURN_IF_ERROR(remove.BindText(1, host).BindInt(2, sequence).Run());
  }
  spooled_ -= std::min<uint64_t>(spooled_, rows.size());
  return rows.size();
}

}  // namespace hoptrail::agent::spool
