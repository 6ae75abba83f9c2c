#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_STORE_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "collector/store/change_signal.h"
#include "collector/store/sqlite/outbox.h"
#include "collector/store/sqlite/reader_pool.h"
#include "collector/store/sqlite/retention.h"
#include "collector/store/sqlite/writer.h"
#include "core/base/mutex.h"
#include "core/base/unique_fd.h"
#include "core/model/fact.h"

namespace hoptrail::collector::store {

struct StoreOptions {
  std::string path;
  RetentionLimits retention;
  Writer::Options writer;
  size_t readers = 4;
};

// The collector's one file and the connections to it: one that writes facts, some that read, and
// the notifier's. A damaged file is kept aside, reported, and replaced by a new one. Owned by main;
// its parts are used by one thread each, as they say.
class Store {
 public:
  // Creates the file's folder (mode 0700) where it is missing. ALREADY_EXISTS when another process
  // has the store open.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const StoreOptions& options,
                                                     int64_t now_wall_ns);

  Writer* writer() { return writer_.get(); }
  ReaderPool* readers() { return readers_.get(); }
  ChangeSignal* changes() { return &changes_; }
  // Wakes the notifier; its numbers have no meaning of their own.
  ChangeSignal* outbox_changes() { return &outbox_changes_; }
  absl::StatusOr<std::unique_ptr<Outbox>> OpenOutbox() {
    return Outbox::Open(options_.path, &write_turn_);
  }

  // Write, and then wake the watchers. Engine's thread.
  absl::Status Write(const WriteBatch& batch, int64_t now_wall_ns);
  // Engine's thread; see OutboxWriter::Release.
  absl::Status ReleasePages(int64_t now_wall_ns, int64_t held_ns);
  // Engine's thread; see ApplyRetention.
  absl::StatusOr<int64_t> ApplyRetention(int64_t now_wall_ns);

  // Hosts that are off the list, not heard since then, and that no session names. Engine's thread.
  absl::StatusOr<std::vector<model::HostId>> ForgetHosts(int64_t before_wall_ns);
  // Engine's thread.
  void SetRetention(const RetentionLimits& limits) { options_.retention = limits; }
  // How long facts are kept. Engine's thread.
  int64_t max_age_ns() const { return options_.retention.max_age_ns; }

  // Engine's thread, while there is trouble: whether it is over.
  absl::Status CheckWritable(int64_t now_wall_ns);

  // Why nothing can be written at present, and since when: the last of the engine's writes has
  // failed. What can be read is what was known before. Thread-safe.
  std::optional<model::Degradation> trouble() const {
    MutexLock lock(&trouble_mutex_);
    return trouble_;
  }

  // The name under which a damaged store was kept; empty where there was none.
  const std::string& set_aside() const { return set_aside_; }

 private:
  Store() = default;
  static absl::StatusOr<std::unique_ptr<Store>> OpenIn(const StoreOptions& options,
                                                       int64_t now_wall_ns);
  absl::Status Noted(absl::Status status, int64_t now_wall_ns);

  StoreOptions options_;
  UniqueFd lock_;  // held as long as anything is open
  Mutex write_turn_;
  std::string set_aside_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<ReaderPool> readers_;
  ChangeSignal changes_, outbox_changes_;
  mutable Mutex trouble_mutex_;
  std::optional<model::Degradation> trouble_ ABSL_GUARDED_BY(trouble_mutex_);
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_STORE_H_
