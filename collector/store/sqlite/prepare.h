#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_PREPARE_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_PREPARE_H_

#include <initializer_list>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "core/base/status_macros.h"
#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// A statement, and the text from which to prepare it.
struct StatementText {
  sqlite::Statement* statement;
  const char* sql;
};

// Prepares the statements of a writer. An error names the SQL text.
inline absl::Status PrepareAll(sqlite::Database* database,
                               std::initializer_list<StatementText> texts) {
  for (const StatementText& text : texts) {
    absl::StatusOr<sqlite::Statement> statement = database->Prepare(text.sql);
    if (!statement.ok()) return Annotate(statement.status(), text.sql);
    *text.statement = *std::move(statement);
  }
  return absl::OkStatus();
}

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_PREPARE_H_
