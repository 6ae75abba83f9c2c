#include "agent/spool/spool_reader.h"

#include "agent/spool/batch_builder.h"
#include "core/base/status_macros.h"
#include "core/wire/limits.h"

namespace hoptrail::agent::spool {

absl::StatusOr<SpoolReader> SpoolReader::Open(const std::string& path,
                                              SpoolDatabase::Access access) {
  SpoolReader reader;
  HT_ASSIGN_OR_RETURN(
      reader.database_,
      sqlite::Database::Open({.path = path,
                              .read_only = true,
                              .immutable = access == SpoolDatabase::Access::kReadImmutable}));
  HT_ASSIGN_OR_RETURN(
      reader.read_,
      reader.database_.Prepare("SELECT sequence, body FROM records WHERE host=? AND sequence>? "
                               "ORDER BY sequence LIMIT ?"));
  return reader;
}

absl::StatusOr<model::HostId> SpoolReader::NextHost(const model::HostId& current) {
  HT_ASSIGN_OR_RETURN(auto other,
                      database_.Prepare("SELECT host FROM records WHERE host<>? LIMIT 1"));
  other.BindText(1, model::ToString(current));
  HT_ASSIGN_OR_RETURN(const bool found, other.Step());
  if (!found) return current;
  return model::ParseHostId(other.Text(0));
}

absl::StatusOr<SpoolReader::Range> SpoolReader::Sequences(const model::HostId& host) {
  // Two subqueries: SQLite answers each from one end of the index, a single query by scanning it
  // all.
  HT_ASSIGN_OR_RETURN(
      auto range,
      database_.Prepare("SELECT COALESCE((SELECT MIN(sequence) FROM records WHERE host=?1), 0),"
                        " COALESCE((SELECT MAX(sequence) FROM records WHERE host=?1), 0)"));
  range.BindText(1, model::ToString(host));
  HT_RETURN_IF_ERROR(range.Step().status());
  return Range{static_cast<uint64_t>(range.Int(0)), static_cast<uint64_t>(range.Int(1))};
}

absl::StatusOr<v1::Batch> SpoolReader::ReadAfter(const model::HostId& host, uint64_t after,
                                                 size_t max_bytes) {
  read_.Reset();
  read_.BindText(1, model::ToString(host))
      .BindInt(2, static_cast<int64_t>(after))
      .BindInt(3, wire::kMaxBatchRecords);
  BatchBuilder batch(max_bytes);
  for (;;) {
    HT_ASSIGN_OR_RETURN(const bool more, read_.Step());
    if (!more) break;
    HT_ASSIGN_OR_RETURN(const bool added, batch.Add(read_.Blob(1)));
    if (!added) break;
  }
  // A statement that is not reset would block the writer's checkpoints.
  read_.Reset();
  return batch.Take();
}

}  // namespace hoptrail::agent::spool
