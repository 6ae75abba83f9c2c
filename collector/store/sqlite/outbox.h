#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_OUTBOX_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_OUTBOX_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "core/base/mutex.h"
#include "core/model/ids.h"
#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// The one notifier that there is so far, as the API names it.
inline constexpr char kPagerDuty[] = "pagerduty";

// What the notifier still has to send, in the order in which it has to be sent for each incident.
// The Writer adds rows in the transaction that changes the incident; this connection, owned by the
// notifier's thread, takes them out. Survives restarts; a power cut may bring back what was done
// last, which is then sent again under the same key.
class Outbox {
 public:
  enum Action { kTrigger = 1, kAcknowledge = 2, kResolve = 3 };

  struct Item {
    int64_t id = 0;
    model::IncidentId incident;
    Action action = kTrigger;
    int64_t version = 0;  // grows while it waits and the incident changes again
    bool held = false;    // OutboxWriter::Release was not called for it yet
  };

  // A try that was not accepted. Times are for people: whoever tries keeps its own clock.
  struct Failure {
    int64_t wall_ns = 0;
    int64_t next_wall_ns = 0;
    std::string reason;
  };

  // `write_turn` is held while anything is written, so that no one who writes to the file within
  // this process meets another: SQLite would let the later one sleep, up to 0.1 s at a time. Not
  // owned.
  static absl::StatusOr<std::unique_ptr<Outbox>> Open(const std::string& path, Mutex* write_turn);

  // The oldest item that nothing of the same incident waits before and that `due` takes. It is
  // asked about one after the other, and must not use the outbox.
  absl::StatusOr<std::optional<Item>> Next(absl::FunctionRef<bool(const Item&)> due);

  // The service has accepted it: the only way for an item to end. One whose incident changed
  // meanwhile stays. `note` says what of it did not arrive; usually empty.
  absl::Status Done(const Item& item, int64_t wall_ns, absl::string_view note);
  // Not accepted. `of_service`: nothing else would have been, either.
  absl::Status Failed(const Item& item, const Failure& failure, bool of_service);
  // There is no such incident any more.
  absl::Status Remove(const Item& item);

  absl::StatusOr<int64_t> Waiting();
  // The greatest Item::id of all that wait; 0 where none does.
  absl::StatusOr<int64_t> LastId();

  // A place in the order of revisions that a consumer has reached, by the consumer's name.
  absl::StatusOr<std::optional<int64_t>> LoadCursor(absl::string_view consumer);
  absl::Status SaveCursor(absl::string_view consumer, int64_t revision);

 private:
  absl::StatusOr<int64_t> Number(absl::string_view sql);
  Outbox(sqlite::Database database, Mutex* write_turn);

  sqlite::Database database_;
  Mutex* const write_turn_;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_OUTBOX_H_
