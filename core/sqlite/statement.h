#ifndef HOPTRAIL_CORE_SQLITE_STATEMENT_H_
#define HOPTRAIL_CORE_SQLITE_STATEMENT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct sqlite3_stmt;

namespace hoptrail::sqlite {

// One prepared statement, finalized when destroyed. Must not outlive its Database; used by the
// thread that uses the Database. Binding errors are kept and returned by the next Step() or Run(),
// so that a row of Bind calls needs no checks between them.
//
//   statement.Reset();
//   statement.BindBlob(1, id).BindInt(2, now);
//   HT_RETURN_IF_ERROR(statement.Run());
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  bool valid() const { return statement_ != nullptr; }

  // Parameters count from 1. Text and blobs are copied.
  Statement& BindInt(int index, int64_t value);
  Statement& BindText(int index, absl::string_view value);
  Statement& BindBlob(int index, absl::string_view value);
  Statement& BindNull(int index);
  // The value in that column of another statement's row, whatever its type.
  Statement& BindColumn(int index, const Statement& from, int column);

  // True: a row is there to be read. False: there are no more. After an error the statement is
  // reset.
  absl::StatusOr<bool> Step();
  // Steps to the end, ignoring rows, and resets: for statements that change things.
  absl::Status Run();
  // Makes it ready for new values and another run; bindings are cleared.
  void Reset();

  // Columns count from 0. Views live until the next Step, Run or Reset.
  int64_t Int(int column) const;
  absl::string_view Text(int column) const;
  absl::string_view Blob(int column) const;
  bool IsNull(int column) const;

 private:
  void Keep(int result);

  sqlite3_stmt* statement_ = nullptr;
  absl::Status bind_status_;
};

}  // namespace hoptrail::sqlite

#endif  // HOPTRAIL_CORE_SQLITE_STATEMENT_H_
