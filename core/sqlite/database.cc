#include "core/sqlite/database.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include <sqlite3.h>

#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/base/unique_fd.h"

namespace hoptrail::sqlite {

absl::Status StatusOf(int result, absl::string_view message) {
  absl::StatusCode code = absl::StatusCode::kInternal;
  if (result == SQLITE_IOERR_SHMSIZE) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "sqlite: no room for the index of the write-ahead log: is the disk full? (", result, ")"));
  }
  switch (result & 0xff) {
    case SQLITE_OK:
      return absl::OkStatus();
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      code = absl::StatusCode::kDataLoss;
      break;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      code = absl::StatusCode::kResourceExhausted;
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
      code = absl::StatusCode::kUnavailable;
      break;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
      code = absl::StatusCode::kPermissionDenied;
      break;
    case SQLITE_CONSTRAINT:
      code = absl::StatusCode::kAlreadyExists;
      break;
    default:
      break;
  }
  return absl::Status(code, absl::StrCat("sqlite: ", message, " (", result, ")"));
}

namespace {

// SQLite accepts `immutable` in a URI only.
std::string ImmutableUri(absl::string_view path) {
  return absl::StrCat(
      "file:", absl::StrReplaceAll(path, {{"%", "%25"}, {"?", "%3f"}, {"#", "%23"}}),
      "?immutable=1");
}

}  // namespace

absl::StatusOr<Database> Database::Open(const OpenOptions& options) {
  if (!options.read_only) {
    // SQLite would create it with the umask's mode.
    UniqueFd file(::open(options.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file.valid()) {
      return absl::ErrnoToStatus(errno, absl::StrCat("open ", options.path));
    }
  }
  Database database;
  int flags = (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
              SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  std::string name = options.path;
  if (options.immutable) {
    name = ImmutableUri(options.path);
    flags |= SQLITE_OPEN_URI;
  }
  int result = sqlite3_open_v2(name.c_str(), &database.database_, flags, nullptr);
  if (result != SQLITE_OK) {
    absl::string_view why = database.database_ == nullptr ? absl::string_view("out of memory")
                                                          : sqlite3_errmsg(database.database_);
    return Annotate(StatusOf(result, why), options.path);
  }
  sqlite3_extended_result_codes(database.database_, 1);
  sqlite3_busy_timeout(database.database_, options.busy_timeout_ms);
  if (options.check_integrity) {
    HT_ASSIGN_OR_RETURN(Statement check, database.Prepare("PRAGMA quick_check(1)"));
    HT_ASSIGN_OR_RETURN(bool row, check.Step());
    if (row && check.Text(0) != "ok") {
      return absl::DataLossError(absl::StrCat(options.path, ": ", check.Text(0)));
    }
  }
  if (!options.read_only) {
    HT_RETURN_IF_ERROR(database.Execute("PRAGMA journal_mode=WAL"));
    HT_RETURN_IF_ERROR(database.Execute(options.durable ? "PRAGMA synchronous=FULL"
                                                        : "PRAGMA synchronous=NORMAL"));
  }
  // Temporary tables in memory: the agent may write nowhere but beside its own file.
  HT_RETURN_IF_ERROR(database.Execute("PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF"));
  HT_RETURN_IF_ERROR(database.Execute("PRAGMA temp_store=MEMORY"));
  return database;
}

Database::Database(Database&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

Database& Database::operator=(Database&& other) noexcept {
  if (this != &other) {
    sqlite3_close_v2(database_);
    database_ = std::exchange(other.database_, nullptr);
  }
  return *this;
}

Database::~Database() { sqlite3_close_v2(database_); }

absl::StatusOr<Statement> Database::Prepare(absl::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  int result = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                                  SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (result != SQLITE_OK) return StatusOf(result, sqlite3_errmsg(database_));
  return Statement(statement);
}

absl::Status Database::Execute(const std::string& sql) {
  int result = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  return result == SQLITE_OK ? absl::OkStatus() : StatusOf(result, sqlite3_errmsg(database_));
}

absl::StatusOr<int64_t> Database::Pragma(absl::string_view name) {
  HT_ASSIGN_OR_RETURN(Statement statement, Prepare(absl::StrCat("PRAGMA ", name)));
  HT_ASSIGN_OR_RETURN(bool row, statement.Step());
  if (!row) return absl::InternalError(absl::StrCat("sqlite: PRAGMA ", name, " returned no row"));
  return statement.Int(0);
}

absl::StatusOr<int64_t> Database::UserVersion() { return Pragma("user_version"); }

absl::Status Database::SetUserVersion(int64_t version) {
  return Execute(absl::StrCat("PRAGMA user_version=", version));
}

absl::StatusOr<int64_t> Database::UsedBytes() {
  HT_ASSIGN_OR_RETURN(int64_t size, Pragma("page_size"));
  HT_ASSIGN_OR_RETURN(int64_t pages, Pragma("page_count"));
  HT_ASSIGN_OR_RETURN(int64_t free_pages, Pragma("freelist_count"));
  return size * (pages - free_pages);
}

int64_t Database::Changes() const { return sqlite3_changes64(database_); }

bool Database::HasMoved() const {
  int moved = 0;
  return sqlite3_file_control(database_, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
         moved != 0;
}

bool Database::InTransaction() const {
  return database_ != nullptr && sqlite3_get_autocommit(database_) == 0;
}

absl::StatusOr<Transaction> Transaction::Begin(Database* database) {
  HT_RETURN_IF_ERROR(database->Execute("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  // A serious error (full disk) may have rolled it back already.
  if (database_ == nullptr || !database_->InTransaction()) return;
  absl::Status status = database_->Execute("ROLLBACK");
  if (!status.ok()) LogWarning("sqlite", "rollback: ", status.message());
}

absl::Status Transaction::Commit() {
  HT_RETURN_IF_ERROR(database_->Execute("COMMIT"));
  database_ = nullptr;
  return absl::OkStatus();
}

}  // namespace hoptrail::sqlite
