#include "collector/store/sqlite/writer.h"

#include <utility>

#include "collector/store/sqlite/prepare.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::store {

using sqlite::Statement;

Writer::Writer(sqlite::Database database, const Options& options)
    : database_(std::move(database)), notify_(options.notify) {}

absl::StatusOr<std::unique_ptr<Writer>> Writer::Create(sqlite::Database database,
                                                       const Options& options) {
  std::unique_ptr<Writer> writer(new Writer(std::move(database), options));
  sqlite::Database* const connection = &writer->database_;
  RowNumbers* const numbers = &writer->numbers_;
  HT_ASSIGN_OR_RETURN(
      Statement stored,
      connection->Prepare("SELECT value FROM meta WHERE name IN ('arrival', 'revision')"
                          " ORDER BY name"));
  for (int64_t* number : {&numbers->arrival, &numbers->revision}) {
    HT_ASSIGN_OR_RETURN(bool row, stored.Step());
    if (!row) return absl::DataLossError("the store has lost its revision number");
    *number = stored.Int(0);
  }
  HT_RETURN_IF_ERROR(PrepareAll(
      connection, {{&writer->save_revision_, "UPDATE meta SET value = ?1 WHERE name = 'revision'"},
                   {&writer->save_arrival_, "UPDATE meta SET value = ?1 WHERE name = 'arrival'"}}));
  HT_ASSIGN_OR_RETURN(writer->facts_,
                      FactWriter::Create(connection, numbers, options.max_login_attempts));
  HT_ASSIGN_OR_RETURN(writer->incidents_, IncidentWriter::Create(connection, numbers));
  HT_ASSIGN_OR_RETURN(writer->outbox_, OutboxWriter::Create(connection));
  return writer;
}

absl::Status Writer::Write(const WriteBatch& batch, int64_t now_wall_ns) {
  const RowNumbers before = numbers_;
  absl::Status status = WriteAll(batch, before, now_wall_ns);
  if (!status.ok()) numbers_ = before;
  return status;
}

absl::Status Writer::WriteAll(const WriteBatch& batch, const RowNumbers& before,
                              int64_t now_wall_ns) {
  HT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(&database_));
  HT_RETURN_IF_ERROR(facts_->Write(batch, now_wall_ns));
  HT_RETURN_IF_ERROR(incidents_->Write(batch, notify_ ? outbox_.get() : nullptr, now_wall_ns));
  if (numbers_.revision != before.revision) {
    HT_RETURN_IF_ERROR(save_revision_.BindInt(1, numbers_.revision).Run());
  }
  if (numbers_.arrival != before.arrival) {
    HT_RETURN_IF_ERROR(save_arrival_.BindInt(1, numbers_.arrival).Run());
  }
  return transaction.Commit();
}

}  // namespace hoptrail::collector::store
