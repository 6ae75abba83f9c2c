#ifndef HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_DELIVERY_SCHEDULE_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_DELIVERY_SCHEDULE_H_

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/random/random.h"
#include "absl/time/time.h"

#include "collector/store/outbox.h"

namespace hoptrail::collector::notify {

// Decides when each waiting event is tried, and tried again. Never gives up: waits double up to a
// bound. A fault of one event delays only that event. While the service fails, it is probed with
// one event at a time. The answer distinguishes the two; besides, an event that fails again after
// another one was accepted is itself at fault. Lives in memory and by the boot clock: setting the
// wall clock changes nothing, and after a restart every event is due. Times are ns of the boot
// clock. Not thread-safe.
class DeliverySchedule {
 public:
  struct Options {
    absl::Duration first_wait = absl::Seconds(1);
    absl::Duration longest_wait = absl::Minutes(15);
    // An event that is newer than the last attempt at a failing service need not wait for its next
    // probe.
    absl::Duration newest_wait = absl::Seconds(30);
    // A page that the engine holds (docs/decisions/0013) is sent after this long even if it was not
    // released: the engine cannot release it while the store cannot be written.
    absl::Duration held_at_most = absl::Seconds(60);
    // An event that was refused so often is reduced to its title.
    int whole_tries = 3;
  };

  explicit DeliverySchedule(const Options& options) : options_(options) {}

  // Begins a scan of the outbox. False: nothing may be tried yet.
  bool Begin(int64_t now_ns);
  // Whether this item is due. Call it for every waiting item until one is due.
  bool Due(const store::Outbox::Item& item, int64_t now_ns);
  // Ends a scan in which no item was due. True: scan again, the next round of probes begins.
  bool End();

  // The item was refused so often that only its title should be sent.
  bool Reduced(const store::Outbox::Item& item) const;

  void Accepted(const store::Outbox::Item& item);
  struct Wait {
    absl::Duration wait;
    bool of_service = false;
  };
  // The service works, and refuses this item.
  Wait Refused(const store::Outbox::Item& item, int64_t now_ns);
  // The service did not answer as itself. `asked` is the wait that it asked for, or zero. `last_id`
  // is the greatest id of all waiting items.
  Wait Failed(const store::Outbox::Item& item, int64_t now_ns, absl::Duration asked,
              int64_t last_id);

 private:
  struct Row {
    int64_t version = 0;
    int refusals = 0;  // of any version
    int64_t due_ns = 0;
    int64_t held_since_ns = 0;
    uint64_t failed_at = 0;  // value of accepted_ when it failed last; 0: it did not
    uint64_t round = 0;      // round of probes in which it was tried last
    uint64_t scan = 0;       // scan in which it was seen last
  };

  Row& RowOf(const store::Outbox::Item& item);
  absl::Duration BackOff(int failures);

  const Options options_;
  absl::flat_hash_map<int64_t, Row> rows_;  // by Item::id
  int service_failures_ = 0;
  int64_t service_due_ns_ = 0;
  int64_t newest_due_ns_ = 0;
  int64_t newest_after_id_ = 0;
  int64_t refused_due_ns_ = 0;  // before it no refused event is tried again
  uint64_t accepted_ = 1;
  uint64_t round_ = 1;
  uint64_t scan_ = 0;
  bool newest_only_ = false;  // in this scan
  bool skipped_ = false;      // in this scan, an event that this round has tried
  absl::BitGen random_;
};

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_DELIVERY_SCHEDULE_H_
