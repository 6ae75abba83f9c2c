#ifndef HOPTRAIL_COLLECTOR_STORE_OUTBOX_H_
#define HOPTRAIL_COLLECTOR_STORE_OUTBOX_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "core/model/ids.h"

namespace hoptrail::collector::store {

// The one notifier that there is so far, as the API names it.
inline constexpr char kPagerDuty[] = "pagerduty";

// What the notifier still has to send, in the order in which it has to be sent for each incident.
// Store::Write adds to it in the transaction that changes the incident; the notifier's thread takes
// it out. Survives restarts; a power cut may bring back what was done last, which is then sent
// again under the same key.
class Outbox {
 public:
  virtual ~Outbox() = default;

  enum Action { kTrigger = 1, kAcknowledge = 2, kResolve = 3 };

  struct Item {
    int64_t id = 0;
    model::IncidentId incident;
    Action action = kTrigger;
    int64_t version = 0;  // grows while it waits and the incident changes again
    bool held = false;    // Store::ReleasePages has not released it yet
  };

  // A try that was not accepted. Times are for people: whoever tries keeps its own clock.
  struct Failure {
    int64_t wall_ns = 0;
    int64_t next_wall_ns = 0;
    std::string reason;
  };

  // The oldest item that nothing of the same incident waits before and that `due` takes. It is
  // asked about one after the other, and must not use the outbox.
  virtual absl::StatusOr<std::optional<Item>> Next(absl::FunctionRef<bool(const Item&)> due) = 0;

  // The service has accepted it: the only way for an item to end. One whose incident changed
  // meanwhile stays. `note` says what of it did not arrive; usually empty.
  virtual absl::Status Done(const Item& item, int64_t wall_ns, absl::string_view note) = 0;
  // Not accepted. `of_service`: nothing else would have been, either.
  virtual absl::Status Failed(const Item& item, const Failure& failure, bool of_service) = 0;
  // There is no such incident any more.
  virtual absl::Status Remove(const Item& item) = 0;

  virtual absl::StatusOr<int64_t> Waiting() = 0;
  // The greatest Item::id of all that wait; 0 where none does.
  virtual absl::StatusOr<int64_t> LastId() = 0;

  // A place in the order of revisions that a consumer has reached, by the consumer's name.
  virtual absl::StatusOr<std::optional<int64_t>> LoadCursor(absl::string_view consumer) = 0;
  virtual absl::Status SaveCursor(absl::string_view consumer, int64_t revision) = 0;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_OUTBOX_H_
