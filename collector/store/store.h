#ifndef HOPTRAIL_COLLECTOR_STORE_STORE_H_
#define HOPTRAIL_COLLECTOR_STORE_STORE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "collector/store/change_signal.h"
#include "collector/store/outbox.h"
#include "collector/store/readable_store.h"
#include "collector/store/snapshot.h"
#include "collector/store/write_batch.h"
#include "core/model/ids.h"

namespace hoptrail::collector::store {

// The bounds of the store. Rows on the path of an open incident are not removed by age, and are
// removed last by size.
struct RetentionLimits {
  int64_t max_age_ns = int64_t{30} * 24 * 3600 * 1'000'000'000;
  int64_t max_bytes = int64_t{4096} << 20;
};

// The time by which pages are held. The boot clock decides, which nobody can set; the wall clock
// only says how long a page was held before this process began.
struct HoldClock {
  int64_t wall_ns = 0;
  int64_t boot_ns = 0;
};

// Makes the collector's facts, incidents and pages durable. The engine's thread writes, any number
// of threads read, one notifier sends the items of the outbox, and any other notifier reads the
// change feed and keeps a cursor. Each implementation has a function that opens it and migrates
// older data, and passes the tests of collector/store/conformance/. Owned by the Collector;
// outlives the readers and outboxes that it lends.
class Store : public ReadableStore {
 public:
  // For the engine's thread, and for the one that opens the store before that starts.
  //
  // Writes all of it or nothing; it is durable when OK is returned. Detections and incidents that
  // differ from the stored ones get a new revision, and watchers are woken. While notifying is on,
  // changed incidents go to the outbox. Times are ns of the wall clock.
  virtual absl::Status Write(const WriteBatch& batch, int64_t now_wall_ns) = 0;
  // Releases the pages that were held for `held_ns` or longer. The first page of an incident is
  // held: an incident that ends before its page is released is never sent (docs/decisions/0013).
  virtual absl::Status ReleasePages(const HoldClock& now, int64_t held_ns) = 0;
  virtual bool HoldsPages() const = 0;
  virtual void SetNotify(bool notify) = 0;
  // Removes rows that are too old, and the oldest rows while the store is too large; at most some
  // thousand rows a call. Returns their number; until it is 0, more may be left.
  virtual absl::StatusOr<int64_t> ApplyRetention(int64_t now_wall_ns) = 0;
  // Removes and returns the hosts that are not listed, were last seen before that time and are
  // named by no session.
  virtual absl::StatusOr<std::vector<model::HostId>> ForgetHosts(int64_t before_wall_ns) = 0;
  virtual void SetRetention(const RetentionLimits& limits) = 0;
  // How long facts are kept.
  virtual int64_t max_age_ns() const = 0;
  virtual absl::StatusOr<Snapshot> LoadSnapshot() = 0;
  // In the order in which they connected last.
  virtual absl::StatusOr<std::vector<HostRow>> LoadHosts() = 0;
  // Tries to write, and so updates `trouble`.
  virtual absl::Status CheckWritable(int64_t now_wall_ns) = 0;

  // For any thread: the functions of ReadableStore, and these.
  //
  // An access of its own to the one outbox, for a notifier's thread.
  virtual absl::StatusOr<std::unique_ptr<Outbox>> OpenOutbox() = 0;
  // Wakes notifiers. Its numbers have no other meaning.
  ChangeSignal* outbox_changes() { return &outbox_changes_; }

 protected:
  Store() = default;

 private:
  ChangeSignal outbox_changes_;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_STORE_H_
