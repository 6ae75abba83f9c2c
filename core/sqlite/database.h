#ifndef HOPTRAIL_CORE_SQLITE_DATABASE_H_
#define HOPTRAIL_CORE_SQLITE_DATABASE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "core/sqlite/statement.h"

struct sqlite3;

namespace hoptrail::sqlite {

// How to open a file.
struct OpenOptions {
  std::string path;
  bool read_only = false;
  // With `read_only`: nothing changes the file while it is open, so that neither locks nor files
  // beside it are needed. The contents of a write-ahead log are not read.
  bool immutable = false;
  // How long a statement waits for another connection's lock before it fails, milliseconds.
  int busy_timeout_ms = 5000;
  // PRAGMA synchronous=FULL: a committed transaction survives a power cut. Otherwise NORMAL: it
  // survives the death of the process, and a power cut may take the last ones.
  bool durable = true;
  // PRAGMA quick_check before anything else: reads the whole file once. Damage is DATA_LOSS.
  bool check_integrity = false;
};

// One connection to one SQLite file in WAL mode. One thread at a time; movable. Errors: DATA_LOSS
// for a damaged file, RESOURCE_EXHAUSTED for a full disk, UNAVAILABLE for a lock that another
// connection held too long, PERMISSION_DENIED, ALREADY_EXISTS for a broken constraint.
class Database {
 public:
  // Creates the file (mode 0600) when it does not exist and `read_only` is not set.
  static absl::StatusOr<Database> Open(const OpenOptions& options);

  Database() = default;
  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  ~Database();

  bool valid() const { return database_ != nullptr; }

  absl::StatusOr<Statement> Prepare(absl::string_view sql);
  // Runs one or more statements without parameters; their rows are ignored.
  absl::Status Execute(const std::string& sql);

  // PRAGMA user_version: the schema's version, 0 for a new file.
  absl::StatusOr<int64_t> UserVersion();
  absl::Status SetUserVersion(int64_t version);

  // Bytes of the pages in use (free ones left out), without the write-ahead log.
  absl::StatusOr<int64_t> UsedBytes();
  // Rows changed by the last INSERT, UPDATE or DELETE.
  int64_t Changes() const;
  // Whether the file was removed, renamed or replaced since it was opened. Writes still succeed
  // then, and nobody finds them again.
  bool HasMoved() const;
  // Between BEGIN and COMMIT or ROLLBACK.
  bool InTransaction() const;

 private:
  absl::StatusOr<int64_t> Pragma(absl::string_view name);

  sqlite3* database_ = nullptr;
};

// BEGIN IMMEDIATE … COMMIT; rolled back when destroyed uncommitted. Must not outlive the Database.
class Transaction {
 public:
  static absl::StatusOr<Transaction> Begin(Database* database);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  // After a failed commit the transaction is rolled back by the destructor.
  absl::Status Commit();

 private:
  explicit Transaction(Database* database) : database_(database) {}

  Database* database_;
};

// SQLite's result code as a Status.
absl::Status StatusOf(int result, absl::string_view message);

}  // namespace hoptrail::sqlite

#endif  // HOPTRAIL_CORE_SQLITE_DATABASE_H_
