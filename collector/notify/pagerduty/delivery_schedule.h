#ifndef HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_DELIVERY_SCHEDULE_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_DELIVERY_SCHEDULE_H_

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/random/random.h"
#include "absl/time/time.h"

#include "collector/store/outbox.h"

namespace hoptrail::collector::notify {

// When which waiting event is tried, and tried again. It never gives up: waits double up to a
// bound. A fault of one event delays that event alone; a fault of the service is probed with one
// event after the other, not with all of them. Which of the two a failure is shows in the answer,
// or in this: what fails again after another event was accepted is the event's own. Lives in memory
// and on the boot clock, so that a wall clock that is set moves nothing, and a restart tries
// everything at once. Times are ns of the boot clock. Not thread-safe.
class DeliverySchedule {
 public:
  struct Options {
    absl::Duration first_wait = absl::Seconds(1);
    absl::Duration longest_wait = absl::Minutes(15);
    // What has come since the last try of a service that fails need not wait for its next probe.
    absl::Duration newest_wait = absl::Seconds(30);
    // A page that the engine holds (docs/decisions/0013) goes without its leave after this long:
    // it can leave nothing while the store cannot be written.
    absl::Duration held_at_most = absl::Seconds(60);
    // So often refused, an event is reduced to its title.
    int whole_tries = 3;
  };

  explicit DeliverySchedule(const Options& options) : options_(options) {}

  // Whether anything may be tried. A look at the outbox begins with it.
  bool Begin(int64_t now_ns);
  // Whether this one is due. To be asked of every item that waits, until one is.
  bool Due(const store::Outbox::Item& item, int64_t now_ns);
  // No item was due. True: look once more, another round of probes begins.
  bool End();

  // It has been refused so often that less should be sent of it.
  bool Reduced(const store::Outbox::Item& item) const;

  void Accepted(const store::Outbox::Item& item);
  struct Wait {
    absl::Duration wait;
    bool of_service = false;
  };
  // The service is well, and will not have this one.
  Wait Refused(const store::Outbox::Item& item, int64_t now_ns);
  // No answer of the service's own. `asked`: for how long it wants to be left alone; may be zero.
  // `last_id`: of all items that wait.
  Wait Failed(const store::Outbox::Item& item, int64_t now_ns, absl::Duration asked,
              int64_t last_id);

 private:
  struct Row {
    int64_t version = 0;
    int refusals = 0;  // of any version
    int64_t due_ns = 0;
    int64_t held_since_ns = 0;
    uint64_t failed_at = 0;  // value of accepted_ when it failed last; 0: it did not
    uint64_t round = 0;      // of probes, in which it was tried last
    uint64_t look = 0;       // in which it was seen last
  };

  Row& RowOf(const store::Outbox::Item& item);
  absl::Duration BackOff(int failures);

  const Options options_;
  absl::flat_hash_map<int64_t, Row> rows_;  // by Item::id
  int service_failures_ = 0;
  int64_t service_due_ns_ = 0;
  int64_t newest_due_ns_ = 0;
  int64_t newest_after_id_ = 0;
  int64_t refused_due_ns_ = 0;  // of all that were refused, one at a time
  uint64_t accepted_ = 1;
  uint64_t round_ = 1;
  uint64_t look_ = 0;
  bool newest_only_ = false;  // in this look
  bool skipped_ = false;      // in this look, one that this round has tried
  absl::BitGen random_;
};

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_DELIVERY_SCHEDULE_H_
