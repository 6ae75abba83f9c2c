#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_OUTBOX_WRITER_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_OUTBOX_WRITER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "collector/store/store.h"
#include "core/model/detection.h"
#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// The engine's side of the outbox: enqueues what the notifier must send about an incident that has
// changed. Holds the first page of an incident that opens or reopens: an incident that ends before
// its page is released is never sent (docs/decisions/0013). Part of the Writer, and used by its
// thread.
class OutboxWriter {
 public:
  // `database` is not owned.
  static absl::StatusOr<std::unique_ptr<OutboxWriter>> Create(sqlite::Database* database);

  // `before`: the incident as it was, null for a new one. Within the transaction that changes it.
  absl::Status EnqueueChange(const model::Incident* before, const model::Incident& incident,
                             int64_t now_wall_ns);
  // Releases pages held for `held_ns` or longer.
  absl::Status Release(const HoldClock& now, int64_t held_ns);

  // A page is held.
  bool holds() const { return !held_.empty(); }
  // Grows whenever there is something new for the notifier.
  int64_t changes() const { return changes_; }

 private:
  explicit OutboxWriter(sqlite::Database* database) : database_(database) {}

  absl::Status Enqueue(const model::IncidentId& incident, int action, int64_t now_wall_ns,
                       bool held);
  absl::StatusOr<bool> DropHeld(const model::IncidentId& incident);
  absl::Status LoadHeld();

  struct Hold {
    std::optional<int64_t> began_boot_ns;  // by the first Release
    int64_t created_wall_ns = 0;  // of a page that an earlier process has held; 0: this one did
  };

  sqlite::Database* const database_;
  sqlite::Statement last_, again_, add_, drop_held_, release_, find_held_;
  std::map<int64_t, Hold> held_;  // by row, which may be gone or no longer held
  int64_t changes_ = 0;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_OUTBOX_WRITER_H_
