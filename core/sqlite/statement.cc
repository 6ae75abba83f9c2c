#include "core/sqlite/statement.h"

#include <utility>

#include <sqlite3.h>

#include "core/base/status_macros.h"
#include "core/sqlite/database.h"

namespace hoptrail::sqlite {

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)),
      bind_status_(std::exchange(other.bind_status_, absl::OkStatus())) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    sqlite3_finalize(statement_);
    statement_ = std::exchange(other.statement_, nullptr);
    bind_status_ = std::exchange(other.bind_status_, absl::OkStatus());
  }
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

void Statement::Keep(int result) {
  if (result != SQLITE_OK && bind_status_.ok()) {
    bind_status_ = StatusOf(result, sqlite3_errmsg(sqlite3_db_handle(statement_)));
  }
}

Statement& Statement::BindInt(int index, int64_t value) {
  Keep(sqlite3_bind_int64(statement_, index, value));
  return *this;
}

Statement& Statement::BindText(int index, absl::string_view value) {
  // A null pointer would bind NULL; an empty string is meant.
  const char* data = value.data() == nullptr ? "" : value.data();
  Keep(sqlite3_bind_text64(statement_, index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

Statement& Statement::BindBlob(int index, absl::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();
  Keep(sqlite3_bind_blob64(statement_, index, data, value.size(), SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::BindNull(int index) {
  Keep(sqlite3_bind_null(statement_, index));
  return *this;
}

Statement& Statement::BindColumn(int index, const Statement& from, int column) {
  Keep(sqlite3_bind_value(statement_, index, sqlite3_column_value(from.statement_, column)));
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  absl::Status failed = bind_status_;
  if (failed.ok()) {
    const int result = sqlite3_step(statement_);
    if (result == SQLITE_ROW) return true;
    if (result == SQLITE_DONE) return false;
    sqlite3* database = sqlite3_db_handle(statement_);
    failed = StatusOf(sqlite3_extended_errcode(database), sqlite3_errmsg(database));
  }
  Reset();
  return failed;
}

absl::Status Statement::Run() {
  absl::Status status;
  while (true) {
    absl::StatusOr<bool> row = Step();
    if (!row.ok()) status = row.status();
    if (!row.ok() || !*row) break;
  }
  Reset();
  return status;
}

void Statement::Reset() {
  // Returns the last step's error again, which Step has reported already.
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  bind_status_ = absl::OkStatus();
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

absl::string_view Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return "";
  return absl::string_view(text, static_cast<size_t>(sqlite3_column_bytes(statement_, column)));
}

absl::string_view Statement::Blob(int column) const {
  const auto* blob = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (blob == nullptr) return "";
  return absl::string_view(blob, static_cast<size_t>(sqlite3_column_bytes(statement_, column)));
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

}  // namespace hoptrail::sqlite
