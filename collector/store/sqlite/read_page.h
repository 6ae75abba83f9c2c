#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_READ_PAGE_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_READ_PAGE_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"

#include "collector/store/reader.h"
#include "core/base/status_macros.h"
#include "core/sqlite/statement.h"

namespace hoptrail::collector::store {

// Reads up to `limit` + 1 rows; the last row of a full page says where the next page begins. The
// columns are those of the cursor; -1: the list is not sorted by it.
template <typename T>
absl::StatusOr<Page<T>> ReadPage(sqlite::Statement* statement, int limit,
                                 absl::StatusOr<T> (*from_row)(const sqlite::Statement&),
                                 int number_column, int text_column, int key_column) {
  Page<T> page;
  Cursor last;
  while (true) {
    HT_ASSIGN_OR_RETURN(bool row, statement->Step());
    if (!row) return page;
    if (static_cast<int>(page.items.size()) == limit) {
      page.next = std::move(last);
      return page;
    }
    HT_ASSIGN_OR_RETURN(T item, from_row(*statement));
    page.items.push_back(std::move(item));
    if (number_column >= 0) last.number = statement->Int(number_column);
    if (text_column >= 0) last.text = std::string(statement->Text(text_column));
    last.key = std::string(statement->Blob(key_column));
  }
}

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_READ_PAGE_H_
