#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_OUTBOX_WRITER_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_OUTBOX_WRITER_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

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
  // Releases pages held for `held_ns` or longer. A transaction of its own.
  absl::Status Release(int64_t now_wall_ns, int64_t held_ns);

  // A page is held.
  bool holds() const { return holds_; }
  // Grows whenever there is something new for the notifier.
  int64_t changes() const { return changes_; }

 private:
  explicit OutboxWriter(sqlite::Database* database) : database_(database) {}

  absl::Status Enqueue(const model::IncidentId& incident, int action, int64_t now_wall_ns,
                       bool held);
  absl::StatusOr<bool> DropHeld(const model::IncidentId& incident);
  absl::Status UpdateHolds();

  sqlite::Database* const database_;
  sqlite::Statement last_, again_, add_, drop_held_, release_, find_held_;
  int64_t changes_ = 0;
  bool holds_ = false;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_OUTBOX_WRITER_H_
