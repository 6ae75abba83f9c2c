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

// The name of the PagerDuty notifier in the API.
inline constexpr char kPagerDuty[] = "pagerduty";

// The events that have yet to be sent, in order for each incident, and the cursors of consumers.
// Store::Write adds the events in the transaction that changes the incident; the notifier's thread
// removes them. They have one consumer, the PagerDuty notifier: there is one list of them, and an
// item that one notifier completes is gone for all. Any other notifier reads the change feed
// (Reader::DetectionsAfter, IncidentsAfter) and keeps a cursor of its own here. Survives restarts.
// A power cut may bring back the items that were removed last; they are sent again under the same
// deduplication key. Used by one thread.
class Outbox {
 public:
  virtual ~Outbox() = default;

  enum Action { kTrigger = 1, kAcknowledge = 2, kResolve = 3 };

  struct Item {
    int64_t id = 0;
    model::IncidentId incident;
    Action action = kTrigger;
    int64_t version = 0;  // grows when the incident changes while the item waits
    bool held = false;    // Store::ReleasePages has not released it yet
  };

  // An attempt that failed. Its times are for people: a notifier schedules by its own clock.
  struct Failure {
    int64_t wall_ns = 0;
    int64_t next_wall_ns = 0;
    std::string reason;
  };

  // The oldest item that `due` accepts, among the first item of each incident. Calls `due` for one
  // item after the other; it must not use the outbox.
  virtual absl::StatusOr<std::optional<Item>> Next(absl::FunctionRef<bool(const Item&)> due) = 0;

  // The service has accepted the item; only its acceptance completes one. An item whose incident
  // changed meanwhile stays. `note` says which part did not arrive; usually empty.
  virtual absl::Status Done(const Item& item, int64_t wall_ns, absl::string_view note) = 0;
  // The attempt failed. `of_service`: any other item would have failed, too.
  virtual absl::Status Failed(const Item& item, const Failure& failure, bool of_service) = 0;
  // Drops an item whose incident no longer exists.
  virtual absl::Status Remove(const Item& item) = 0;

  // The number of items.
  virtual absl::StatusOr<int64_t> Waiting() = 0;
  // The greatest Item::id; 0 where there is no item.
  virtual absl::StatusOr<int64_t> LastId() = 0;

  // The revision of the change feed that a consumer has reached. `consumer` is its name.
  virtual absl::StatusOr<std::optional<int64_t>> LoadCursor(absl::string_view consumer) = 0;
  virtual absl::Status SaveCursor(absl::string_view consumer, int64_t revision) = 0;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_OUTBOX_H_
