#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_SELECT_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_SELECT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// Builds a SELECT: fixed text, and a condition for each field of a filter that is set. Values are
// bound, and never become part of the text.
class Select {
 public:
  explicit Select(absl::string_view columns_and_tables) : sql_(columns_and_tables) {}

  // `condition` has one ? for each value that is added after it.
  Select& Where(absl::string_view condition) {
    sql_.append(conditions_++ == 0 ? " WHERE (" : " AND (");
    sql_.append(condition.data(), condition.size());
    sql_.append(")");
    return *this;
  }
  Select& Int(int64_t value) {
    values_.emplace_back(value);
    return *this;
  }
  Select& Text(absl::string_view value) {
    values_.emplace_back(TextValue{std::string(value)});
    return *this;
  }
  Select& Blob(absl::string_view value) {
    values_.emplace_back(BlobValue{std::string(value)});
    return *this;
  }

  // `order` is the text after the conditions, with a last ? for the limit.
  absl::StatusOr<sqlite::Statement> Prepare(sqlite::Database* database, absl::string_view order,
                                            int limit) {
    sql_.append(" ");
    sql_.append(order.data(), order.size());
    absl::StatusOr<sqlite::Statement> statement = database->Prepare(sql_);
    if (!statement.ok()) return statement;
    int index = 0;
    for (const Value& value : values_) {
      ++index;
      if (const auto* number = std::get_if<int64_t>(&value)) {
        statement->BindInt(index, *number);
      } else if (const auto* text = std::get_if<TextValue>(&value)) {
        statement->BindText(index, text->value);
      } else {
        statement->BindBlob(index, std::get<BlobValue>(value).value);
      }
    }
    statement->BindInt(index + 1, limit);
    return statement;
  }

 private:
  struct TextValue {
    std::string value;
  };
  struct BlobValue {
    std::string value;
  };
  using Value = std::variant<int64_t, TextValue, BlobValue>;

  std::string sql_;
  int conditions_ = 0;
  std::vector<Value> values_;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_SELECT_H_
