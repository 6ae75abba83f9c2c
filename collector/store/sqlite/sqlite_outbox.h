#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_SQLITE_OUTBOX_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_SQLITE_OUTBOX_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "collector/store/outbox.h"
#include "core/base/mutex.h"
#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// A notifier's own connection to the file.
class SqliteOutbox final : public Outbox {
 public:
  // Every writer of this process holds `write_turn` while it writes to the file. Otherwise two
  // could meet, and SQLite would let the later one sleep, up to 0.1 s at a time. Not owned.
  static absl::StatusOr<std::unique_ptr<Outbox>> Open(const std::string& path, Mutex* write_turn);

  absl::StatusOr<std::optional<Item>> Next(absl::FunctionRef<bool(const Item&)> due) override;
  absl::Status Done(const Item& item, int64_t wall_ns, absl::string_view note) override;
  absl::Status Failed(const Item& item, const Failure& failure, bool of_service) override;
  absl::Status Remove(const Item& item) override;
  absl::StatusOr<int64_t> Waiting() override;
  absl::StatusOr<int64_t> LastId() override;
  absl::StatusOr<std::optional<int64_t>> LoadCursor(absl::string_view consumer) override;
  absl::Status SaveCursor(absl::string_view consumer, int64_t revision) override;

 private:
  SqliteOutbox(sqlite::Database database, Mutex* write_turn);
  absl::StatusOr<int64_t> Number(absl::string_view sql);

  sqlite::Database database_;
  Mutex* const write_turn_;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_SQLITE_OUTBOX_H_
