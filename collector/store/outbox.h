#ifndef HOPTRAIL_COLLECTOR_STORE_OUTBOX_H_
#define HOPTRAIL_COLLECTOR_STORE_OUTBOX_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "core/base/mutex.h"
#include "core/model/ids.h"
#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// What the notifier still has to say, in the order in which it has to be said for each incident.
// The Writer adds rows in the transaction that changes the incident; this connection, owned by the
// notifier's thread, takes them out. Survives restarts; a power cut may bring back what was done
// last, which is then said again under the same key.
class Outbox {
 public:
  enum Action { kTrigger = 1, kAcknowledge = 2, kResolve = 3 };

  struct Item {
    int64_t id = 0;
    model::IncidentId incident;
    Action action = kTrigger;
    int64_t version = 0;  // grows while it waits and the incident changes again
    int64_t attempts = 0;
    int64_t created_wall_ns = 0;
  };

  // `write_turn` is held while anything is written, so that no one who writes to the file within
  // this process meets another: SQLite would let the later one sleep, up to 0.1 s at a time. Not
  // owned.
  static absl::StatusOr<std::unique_ptr<Outbox>> Open(const std::string& path, Mutex* write_turn);

  // The oldest item that is due, not held (OutboxWriter::Release), and that nothing of the same
  // incident waits before.
  absl::StatusOr<std::optional<Item>> Next(int64_t now_wall_ns);

  // It was taken. An item whose incident changed meanwhile stays and is due at once.
  absl::Status Done(const Item& item);
  // Not taken; again at `not_before`.
  absl::Status Retry(const Item& item, int64_t not_before_wall_ns, absl::string_view reason);
  // Refused for good: kept with the reason, never sent again.
  absl::Status Park(const Item& item, absl::string_view reason);

  absl::StatusOr<int64_t> Waiting();
  absl::StatusOr<int64_t> Parked();

  // A place in the order of revisions that a consumer has reached, by the consumer's name.
  absl::StatusOr<std::optional<int64_t>> LoadCursor(absl::string_view consumer);
  absl::Status SaveCursor(absl::string_view consumer, int64_t revision);

 private:
  Outbox(sqlite::Database database, Mutex* write_turn);
  absl::StatusOr<int64_t> Count(absl::string_view sql);

  sqlite::Database database_;
  Mutex* const write_turn_;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_OUTBOX_H_
