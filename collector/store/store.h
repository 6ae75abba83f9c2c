#ifndef HOPTRAIL_COLLECTOR_STORE_STORE_H_
#define HOPTRAIL_COLLECTOR_STORE_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "collector/store/change_signal.h"
#include "collector/store/outbox.h"
#include "collector/store/reader.h"
#include "collector/store/views.h"
#include "collector/store/write_batch.h"
#include "core/model/fact.h"

namespace hoptrail::collector::store {

// Bounds of what is kept. What lies on the path of an incident is spared by age while the incident
// is open, and goes last by size.
struct RetentionLimits {
  int64_t max_age_ns = int64_t{30} * 24 * 3600 * 1'000'000'000;
  int64_t max_bytes = int64_t{4096} << 20;
};

// A reader that is given back when the lease ends.
using ReaderLease = std::unique_ptr<Reader, std::function<void(Reader*)>>;

// Where the collector's facts, incidents and pages are durable. One thread writes (the engine's),
// any number reads, and each notifier has its outbox and its cursor. An implementation opens, and
// brings an older form of its data to its own, by a function of its directory, and passes
// collector/store/conformance/. Owned by main; outlives what it lends.
class Store {
 public:
  virtual ~Store() = default;

  // The engine's thread, or before it starts.
  //
  // All of it or nothing, durable when it returns OK. Detections and incidents that differ from
  // what was stored get a new revision, and watchers are woken; incidents that changed go to the
  // outbox, while notifying is on. Times are ns of the wall clock.
  virtual absl::Status Write(const WriteBatch& batch, int64_t now_wall_ns) = 0;
  // The first page of an incident is held: an incident that is over before its page was released is
  // never sent (docs/decisions/0013). Releases those that were held for `held_ns` or longer.
  virtual absl::Status ReleasePages(int64_t now_wall_ns, int64_t held_ns) = 0;
  virtual bool HoldsPages() const = 0;
  virtual void SetNotify(bool notify) = 0;
  // Removes what is too old, or the oldest where there is too much; at most some thousand rows a
  // call. Returns their number; until it is 0, there may be more.
  virtual absl::StatusOr<int64_t> ApplyRetention(int64_t now_wall_ns) = 0;
  // Removes hosts that are off the list, were not heard since then, and that no session names.
  virtual absl::StatusOr<std::vector<model::HostId>> ForgetHosts(int64_t before_wall_ns) = 0;
  virtual void SetRetention(const RetentionLimits& limits) = 0;
  // How long facts are kept.
  virtual int64_t max_age_ns() const = 0;
  virtual absl::StatusOr<Snapshot> LoadSnapshot() = 0;
  virtual absl::StatusOr<std::vector<HostRow>> LoadHosts() = 0;
  // While there is trouble: whether it is over.
  virtual absl::Status CheckWritable(int64_t now_wall_ns) = 0;

  // Any thread.
  //
  // Why nothing can be written at present, and since when: the last of the engine's writes has
  // failed. What can be read is what was known before.
  virtual std::optional<model::Degradation> trouble() const = 0;
  // Waits for a free one.
  virtual ReaderLease BorrowReader() = 0;
  // One for each notifier's thread.
  virtual absl::StatusOr<std::unique_ptr<Outbox>> OpenOutbox() = 0;
  ChangeSignal* changes() { return &changes_; }
  // Wakes notifiers; its numbers have no meaning of their own.
  ChangeSignal* outbox_changes() { return &outbox_changes_; }

 protected:
  Store() = default;

 private:
  ChangeSignal changes_, outbox_changes_;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_STORE_H_
